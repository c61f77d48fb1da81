"""What one browser session has chosen, and what pages read from disk: the only place that touches
`st.session_state` and Streamlit's caches."""

import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from overread.errors import UserError
from overread.images.cache.pixel_cache import INDEX, PixelCache, open_cache
from overread.pipeline.study_ledger import open_ledger
from overread.records import Finding
from overread.review.ledger import Ledger
from overread.studies.run import Run, default_run, find_runs
from overread.studies.study import Study, open_study
from overread_app.boundary import without_paths
from overread_app.processes import DATA_PATH, DEMO_NAMES, DEMO_PATH, OWNER_VARIABLE, STUDIES_VARIABLE

MAX_READER_LENGTH = 60
DAMAGED = "One of its files is missing or damaged; restore the study from a backup"


@dataclass(frozen=True, slots=True)
class Unopened:
    """A study that cannot be opened."""

    path: Path
    name: str
    reason: str
    """In words, without a path."""


def studies() -> list[Study]:
    """The studies that this session may open: those the server was started with, then those made here.

    One that cannot be opened is left out, and named by `unopened`.
    """
    return [study for study in _opened() if isinstance(study, Study)]


def unopened() -> list[Unopened]:
    """The studies that cannot be opened."""
    return [study for study in _opened() if isinstance(study, Unopened)]


def _opened() -> list[Study | Unopened]:
    named = os.environ.get(STUDIES_VARIABLE)
    paths = [Path(path) for path in json.loads(named)] if named else [DEMO_PATH / name for name in DEMO_NAMES]
    if not named:
        paths += sorted(path.parent for path in DATA_PATH.glob("*/study.json"))
    paths += kept("made_studies", ())
    paths = list(dict.fromkeys(path.resolve() for path in paths))
    return [_open(path) for path in paths if named or (path / "study.json").exists()]  # the demo may not be made yet


def _open(path: Path) -> Study | Unopened:
    """The study, if it can be opened, with what no page can do without: its key, its samples, the list of its runs."""
    try:
        study = open_study(path)
        study.key()
        find_runs(study)
        _check_samples(study, str(study.path), _stamp(study.samples_path))
    except UserError as error:
        return Unopened(path, _written_name(path), without_paths(str(error)))
    except Exception as error:  # one study must not take the others with it
        return Unopened(path, _written_name(path), f"{DAMAGED} ({type(error).__name__})")
    return study


def _written_name(path: Path) -> str:
    """The name that study.json gives a study, as far as it can be read; else that of its folder."""
    try:
        name = json.loads((path / "study.json").read_text(encoding="utf-8"))["name"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        name = None
    return name if isinstance(name, str) and name else path.name


def shows_demo() -> bool:
    """Whether this server was started without naming a study, and so shows the demo."""
    return not os.environ.get(STUDIES_VARIABLE)


def keep(name: str, value: object) -> None:
    """Keep something for this session alone: a process that a page started, a filter. None forgets it."""
    st.session_state[f"session_{name}"] = value


def kept(name: str, default: Any = None) -> Any:
    """What this session keeps under that name; the default where it keeps nothing."""
    value = st.session_state.get(f"session_{name}")
    return default if value is None else value


def typed(key: str) -> str | None:
    """What stands in the text field of that key; None where the page has no such field."""
    return st.session_state.get(key)


def add_study(path: Path) -> None:
    """List a study that this session has made, and choose it."""
    keep("made_studies", (*kept("made_studies", ()), path))
    choose_study(path)


def current_study() -> Study | None:
    """The chosen study; before any choice the first with a finished run, else the first; None if there is none."""
    chosen, found = kept("study"), studies()

    def is_meant(study: Study) -> bool:
        # After a reload the session is another, and the page's address tells.
        return study.path == chosen if chosen else st.query_params.get("study") == _address(study.path)

    study = next(filter(is_meant, found), None)
    if study is None:
        study = next((study for study in found if any(run.is_finished for run in find_runs(study))), None)
    if study is not None:
        choose_study(study.path)
        return study
    return found[0] if found else None


def choose_study(path: Path) -> None:
    """Make a study the current one; the run then is its `default_run`."""
    path = Path(path).resolve()
    if kept("study") != path:
        if kept("study") is not None:
            # The name may be somebody else's there.
            keep("recalled_reader", kept("reader"))
            keep("reader", None)
        keep("study", path)
        keep("run", None)
    if st.query_params.get("study") != _address(path):
        st.query_params["study"] = _address(path)


def _address(path: Path) -> str:
    """Names a study in the page's address, and tells nothing of where it lies."""
    return hashlib.sha256(str(path).encode()).hexdigest()[:8]


def current_run() -> Run | None:
    """The chosen finished run of the current study, or its `default_run`; None if there is none."""
    study = current_study()
    if study is None:
        return None
    chosen = kept("run")
    return next((run for run in find_runs(study) if run.is_finished and run.name == chosen), default_run(study))


def choose_run(name: str) -> None:
    """Make a finished run of the current study the one that pages show."""
    keep("run", name)


def reader_name() -> str:
    """The name that the person at this browser gave; empty before."""
    return kept("reader", "")


def checked_name(name: str) -> str:
    """A reader's name as it is kept. Raises UserError if it is empty or too long."""
    name = " ".join(name.split())
    if not name:
        raise UserError("A name is needed: it stands beside every verdict in the exported table.")
    if len(name) > MAX_READER_LENGTH:
        raise UserError(f"The name is longer than {MAX_READER_LENGTH} characters; please give a shorter one.")
    return name


def set_reader(name: str, code: str) -> None:
    """Keep who reads in this session, once the code was found to be that name's."""
    keep("reader", name)
    keep("reader_code", code)


def is_owner() -> bool:
    """Whether this browser is of the person who started the server: the address that the terminal shows says so."""
    claim_ownership(st.query_params.get("owner", ""))
    return bool(kept("is_owner", False))


def claim_ownership(token: str) -> None:
    """Make this session the owner's, if the token is the server's."""
    if token and hmac.compare_digest(token.encode(), os.environ.get(OWNER_VARIABLE, "").encode()):
        keep("is_owner", True)


def owner_token() -> str:
    """What the owner's tab remembers; empty in anybody else's."""
    return os.environ.get(OWNER_VARIABLE, "") if is_owner() else ""


def ledger(study: Study) -> Ledger:
    """The study's ledger. Shared by all sessions: it opens a database session per operation."""
    stamps = tuple(_stamp(study.path / name)[1] for name in ("review.db", "key"))
    return _ledger(study, str(study.path), study.ledger_url, study.has_ledger, stamps)


def load_samples(study: Study) -> pd.DataFrame:
    """samples.csv, all text: sample_id, image, given_label, patient, slide, split, then raters. A copy of one's own."""
    return _samples(study, str(study.samples_path), _stamp(study.samples_path))


def load_quarantine(study: Study) -> pd.DataFrame:
    """quarantine.csv, all text: row, image, reason. Pages show rows and reasons alone. A copy of one's own."""
    return _quarantine(study, str(study.quarantine_path), _stamp(study.quarantine_path))


def load_findings(study: Study) -> list[Finding]:
    """What is wrong with the study's data; slow at first, since it looks at every image."""
    return _findings(study, str(study.path), _stamp(study.samples_path))


def load_burned_in(study: Study) -> list[Finding]:
    """What the study's DICOM files say of text in their pixels."""
    return _burned_in(study, str(study.path), _stamp(study.samples_path))


def load_map(run: Run) -> np.ndarray:
    """(N, 2) float: the embeddings' first two principal components, in the order of samples.csv. Read-only."""
    path = run.path / "embeddings.npy"
    return _map(run, str(path), _stamp(path))


def load_scores(run: Run) -> pd.DataFrame:
    """scores.csv of a run, a row per sample in the order of samples.csv; is_proposed is bool. A copy of one's own."""
    path = run.path / "scores.csv"
    return _scores(run, str(path), _stamp(path))


def load_pixels(path: Path) -> PixelCache:
    """The pixel cache of a study. Raises StudyError if it is not whole.

    Shared by all sessions, and kept: its index tells of every image, and takes 0.3 s to read at 100,000 of them.
    """
    return _pixels(path, str(path), _stamp(path / INDEX))


def load_trace(run: Run) -> Mapping[str, np.ndarray]:
    """trace.npz of a run: stage_probs (S, N, K), stage_names (S,), pseudo_labels (R, N), is_consensus (R, N).

    Shared by all sessions, hence read-only.
    """
    path = run.path / "trace.npz"
    return _trace(run, str(path), _stamp(path))


def load_evidence(run: Run) -> Mapping[str, np.ndarray]:
    """evidence.npz of a run: neighbours (N, 6), pictures (N,), isolation (N,); empty where the run has none.

    Shared by all sessions, hence read-only.
    """
    path = run.path / "evidence.npz"
    return _evidence(run, str(path), _stamp(path))


def _stamp(path: Path) -> tuple[int, int]:
    """Modification time and inode: what tells a file from its predecessor of the same name."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return 0, 0
    return status.st_mtime_ns, status.st_ino


@st.cache_resource(max_entries=16, show_spinner=False)
def _ledger(_study: Study, path: str, url: str, has_ledger: bool, inodes: tuple[int, ...]) -> Ledger:
    return open_ledger(_study)


@st.cache_resource(max_entries=64, show_spinner=False)
def _check_samples(_study: Study, path: str, stamp: tuple[int, int]) -> bool:
    """Raises StudyError where the study's table of samples cannot be read."""
    return bool(len(_study.samples().columns))


@st.cache_data(max_entries=8, show_spinner=False)
def _samples(_study: Study, path: str, stamp: tuple[int, int]) -> pd.DataFrame:
    return _study.samples()


@st.cache_data(max_entries=8, show_spinner=False)
def _quarantine(_study: Study, path: str, stamp: tuple[int, int]) -> pd.DataFrame:
    return _study.quarantine()


@st.cache_data(max_entries=8, show_spinner=False)
def _findings(_study: Study, path: str, stamp: tuple[int, int]) -> list[Finding]:
    from overread.checks.report import check_study

    return check_study(_study)


@st.cache_data(max_entries=8, show_spinner=False)
def _burned_in(_study: Study, path: str, stamp: tuple[int, int]) -> list[Finding]:
    from overread.checks.burned_in import look_for_burned_in  # here, for pydicom takes its time

    return look_for_burned_in(_study)


@st.cache_resource(max_entries=4, show_spinner=False)
def _map(_run: Run, path: str, stamp: tuple[int, int]) -> np.ndarray:
    centred = _run.embeddings().astype(np.float32)
    centred -= centred.mean(axis=0)
    # The principal axes from the (D, D) covariance: the embeddings may have a hundred thousand rows.
    _, axes = np.linalg.eigh(centred.T @ centred)
    points = centred @ axes[:, :-3:-1]
    points.setflags(write=False)
    return points


@st.cache_data(max_entries=8, show_spinner=False)
def _scores(_run: Run, path: str, stamp: tuple[int, int]) -> pd.DataFrame:
    return _run.scores()


@st.cache_resource(max_entries=4, show_spinner=False)
def _pixels(_path: Path, path: str, stamp: tuple[int, int]) -> PixelCache:
    return open_cache(_path)


@st.cache_resource(max_entries=4, show_spinner=False)
def _trace(_run: Run, path: str, stamp: tuple[int, int]) -> Mapping[str, np.ndarray]:
    return _read_only(_run.trace())


@st.cache_resource(max_entries=4, show_spinner=False)
def _evidence(_run: Run, path: str, stamp: tuple[int, int]) -> Mapping[str, np.ndarray]:
    return _read_only(_run.evidence())


def _read_only(arrays: dict[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    for array in arrays.values():
        array.setflags(write=False)
    return MappingProxyType(arrays)
