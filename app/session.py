"""What one browser session has chosen, and what pages read from disk: the only place that touches
`st.session_state` and Streamlit's caches."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import streamlit as st

from core.datasets.runs import Run, find_runs
from core.datasets.study import Study, find_studies, is_study, open_study
from core.errors import UserError
from core.review.ledger import Ledger

STUDIES_VARIABLE = "OVERREAD_STUDIES"
"""Paths of the studies that this server shows, joined by os.pathsep; unset: the demo's and those made here."""
DATA_PATH = Path(__file__).resolve().parent.parent / "data"
DEMO_PATH = DATA_PATH / "demo"
DEMO_ORDER = ("tiles", "chest")
MAX_READER_LENGTH = 60


def studies() -> list[Study]:
    """The studies that this session may open: those the server was started with, then those it made."""
    named = os.environ.get(STUDIES_VARIABLE, "")
    if named:
        found = [open_study(path) for path in map(Path, named.split(os.pathsep)) if is_study(path)]
    else:
        found = [open_study(DEMO_PATH / name) for name in DEMO_ORDER if is_study(DEMO_PATH / name)]
        found += find_studies(DATA_PATH)
    known = {study.path.resolve() for study in found}
    for path in st.session_state.get("session_made", ()):
        if path.resolve() not in known and is_study(path):
            found.append(open_study(path))
    return found


def shows_demo() -> bool:
    """Whether this server was started without naming a study, and so shows the demo."""
    return not os.environ.get(STUDIES_VARIABLE)


def add_study(path: Path) -> None:
    """List a study that this session has made, and choose it."""
    st.session_state["session_made"] = (*st.session_state.get("session_made", ()), path)
    choose_study(path)


def current_study() -> Study | None:
    """The chosen study; before any choice the first with a finished run, else the first; None if there is none."""
    chosen = st.session_state.get("session_study")
    found = studies()
    for study in found:
        if chosen is not None and study.path == chosen:
            return study
    if not found:
        return None
    first = next((study for study in found if any(run.is_finished for run in find_runs(study))), None)
    if first is not None:
        choose_study(first.path)
    return first or found[0]


def choose_study(path: Path) -> None:
    """Make a study the current one; the run then is its newest finished one."""
    if st.session_state.get("session_study") != Path(path):
        st.session_state["session_study"] = Path(path)
        st.session_state.pop("session_run", None)


def current_run() -> Run | None:
    """The chosen finished run of the current study, or its newest finished one; None if there is none."""
    study = current_study()
    if study is None:
        return None
    finished = [run for run in find_runs(study) if run.is_finished]
    chosen = st.session_state.get("session_run")
    return next((run for run in finished if run.name == chosen), finished[-1] if finished else None)


def choose_run(name: str) -> None:
    """Make a finished run of the current study the one that pages show."""
    st.session_state["session_run"] = name


def reader_name() -> str:
    """The name that the person at this browser gave; empty before."""
    return st.session_state.get("session_reader", "")


def set_reader(name: str) -> None:
    """Keep the reader's name for this session. Raises UserError if it is empty or too long."""
    name = " ".join(name.split())
    if not name:
        raise UserError("A name is needed: it stands beside every verdict in the exported table.")
    if len(name) > MAX_READER_LENGTH:
        raise UserError(f"The name is longer than {MAX_READER_LENGTH} characters; please give a shorter one.")
    st.session_state["session_reader"] = name


def ledger(study: Study) -> Ledger:
    """The study's ledger. Shared by all sessions: it opens a database session per operation."""
    return _ledger(study.ledger_url, study.ledger_study, _stamp(study.path / "review.db")[1])


def load_samples(study: Study) -> pd.DataFrame:
    """samples.csv, all text: sample_id, image, given_label, patient, slide, split, then raters. A copy of one's own."""
    return _samples(study, str(study.samples_path), _stamp(study.samples_path))


def load_scores(study: Study, run: Run) -> pd.DataFrame:
    """scores.csv of a run, a row per sample in the order of samples.csv; is_proposed is bool. A copy of one's own."""
    path = run.path / "scores.csv"
    return _scores(run, str(path), _stamp(path))


def load_trace(study: Study, run: Run) -> Mapping[str, np.ndarray]:
    """trace.npz of a run: stage_probs (S, N, K), stage_names (S,), pseudo_labels (R, N), is_consensus (R, N).

    Shared by all sessions, hence read-only.
    """
    path = run.path / "trace.npz"
    return _trace(run, str(path), _stamp(path))


def load_embeddings(study: Study, run: Run) -> np.ndarray:
    """(N, D) float16 in the order of samples.csv. Shared by all sessions, hence read-only."""
    path = run.path / "embeddings.npy"
    return _embeddings(run, str(path), _stamp(path))


def _stamp(path: Path) -> tuple[int, int]:
    """Modification time and inode: what tells a file from its predecessor of the same name."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0, 0
    return status.st_mtime_ns, status.st_ino


@st.cache_resource(max_entries=16, show_spinner=False)
def _ledger(url: str, study: str, inode: int) -> Ledger:
    return Ledger.open(url, study)


@st.cache_data(max_entries=8, show_spinner=False)
def _samples(_study: Study, path: str, stamp: tuple[int, int]) -> pd.DataFrame:
    return _study.samples()


@st.cache_data(max_entries=8, show_spinner=False)
def _scores(_run: Run, path: str, stamp: tuple[int, int]) -> pd.DataFrame:
    return _run.scores()


@st.cache_resource(max_entries=4, show_spinner=False)
def _trace(_run: Run, path: str, stamp: tuple[int, int]) -> Mapping[str, np.ndarray]:
    arrays = _run.trace()
    for array in arrays.values():
        array.setflags(write=False)
    return MappingProxyType(arrays)


@st.cache_resource(max_entries=4, show_spinner=False)
def _embeddings(_run: Run, path: str, stamp: tuple[int, int]) -> np.ndarray:
    return _run.embeddings()
