"""Reads a study's files for the pages: this and `audit_data` alone use Streamlit's caches.

The key of a cache is a file's path and stamp; arguments that begin with an underscore are not part of it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import streamlit as st

from overread.detection.error_range import ErrorRange
from overread.images.cache.pixel_cache import INDEX, PixelCache, open_cache
from overread.pipeline.exporting import export_table
from overread.pipeline.study_agreement import StudyAgreement, agreement_if_any
from overread.pipeline.study_ledger import open_ledger
from overread.proposals.run_comparison import RunComparison, compare_runs
from overread.records import Finding
from overread.review.cleaned_csv import COLUMNS
from overread.review.final_labels import LabelPolicy
from overread.review.ledger import Ledger
from overread.review.outcomes import right_labels
from overread.studies.earlier_decoding import decoding_note
from overread.studies.run import ERROR_RANGE, Run
from overread.studies.study import Study

EXPORT_KEPT_S = 600


def ledger(study: Study) -> Ledger:
    """The study's ledger. Shared by all sessions: it opens a database session per operation."""
    stamps = tuple(file_stamp(study.path / name)[1] for name in ("review.db", "key"))
    return _ledger(study, str(study.path), study.ledger_url, study.has_ledger, stamps)


def check_samples(study: Study) -> None:
    """Raise StudyError where the study's table of samples cannot be read."""
    _check_samples(study, str(study.path), file_stamp(study.samples_path))


def load_samples(study: Study) -> pd.DataFrame:
    """samples.csv, all text: sample_id, image, given_label, patient, slide, split, then raters. The caller gets a
    copy."""
    return _samples(study, str(study.samples_path), file_stamp(study.samples_path))


def load_quarantine(study: Study) -> pd.DataFrame:
    """quarantine.csv, all text: row, image, reason. Pages show rows and reasons alone. The caller gets a copy."""
    return _quarantine(study, str(study.quarantine_path), file_stamp(study.quarantine_path))


def load_findings(study: Study) -> list[Finding]:
    """The findings of the checks of the study's data; slow at first, since every image is checked."""
    return _findings(study, str(study.path), file_stamp(study.samples_path))


def load_burned_in(study: Study) -> list[Finding]:
    """Findings on text that is burned into the pixels of the study's DICOM files."""
    return _burned_in(study, str(study.path), file_stamp(study.samples_path))


def load_truth(study: Study) -> Mapping[str, str]:
    """Sample id to true label, where that is known: of a demo study. Shared by all sessions, hence read-only."""
    return _truth(study, str(study.path), file_stamp(study.samples_path)) if study.is_demo else {}


def load_decoding_note(study: Study) -> str:
    """Whether an earlier version decoded the images otherwise, as a sentence; else empty."""
    return _decoding_note(study, str(study.path), file_stamp(study.pixels_path / INDEX), file_stamp(study.samples_path))


def load_map(run: Run) -> np.ndarray:
    """(N, 2) float: the embeddings' first two principal components, in the order of samples.csv. Read-only."""
    path = run.path / "embeddings.npy"
    return _map(run, str(path), file_stamp(path))


def load_scores(run: Run) -> pd.DataFrame:
    """scores.csv of a run, a row per sample in the order of samples.csv; is_proposed is bool. The caller gets a
    copy."""
    path = run.path / "scores.csv"
    return _scores(run, str(path), file_stamp(path))


def load_pixels(path: Path) -> PixelCache:
    """The pixel cache of a study. Raises StudyError if it is damaged.

    Shared by all sessions; its index takes 0.3 s to read at 100,000 images.
    """
    return _pixels(path, str(path), pixels_stamp(path))


def pixels_stamp(path: Path) -> tuple[int, int]:
    """Changes when a pixel cache is built anew."""
    return file_stamp(path / INDEX)


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """The cleaned table of a study in numbers."""

    verdicts: Mapping[str, int]
    """Number of rows by verdict, as the table writes them."""
    num_changed: int
    """Rows whose label changes; those that become empty are among them."""


def load_export_summary(study: Study, run_name: str | None, policy: LabelPolicy) -> ExportSummary:
    """Counted anew when the ledger or one of the study's files has changed. Raises LedgerError where the ledger is
    damaged."""
    files = [study.path / name for name in ("samples.csv", "source.csv")]
    files += [study.pixels_path / INDEX, *([study.runs_path / run_name / "scores.csv"] if run_name else [])]
    head = str(ledger(study).head())
    return _export_summary(study, str(study.path), run_name, policy, head, tuple(map(file_stamp, files)))


def load_agreement(study: Study) -> StudyAgreement | None:
    """How far all readers agree; None where fewer than two people labelled anything. Measured anew when the ledger or
    the samples have changed."""
    return _agreement(study, str(study.path), str(ledger(study).head()), file_stamp(study.samples_path))


def load_run_comparison(study: Study, first: Run, second: Run, reader: str) -> RunComparison:
    """Two finished runs side by side, with the reader's own verdicts; made anew when a run or the ledger has changed.
    reader: empty for nobody's verdicts."""
    paths = [run.path / "scores.csv" for run in (first, second)]
    head = str(ledger(study).head()) if reader else ""
    return _run_comparison(study, first, second, reader, head, tuple(map(str, paths)), tuple(map(file_stamp, paths)))


def load_trace(run: Run) -> Mapping[str, np.ndarray]:
    """trace.npz of a run: stage_probs (S, N, K), stage_names (S,), pseudo_labels (R, N), is_consensus (R, N).

    Shared by all sessions, hence read-only.
    """
    path = run.path / "trace.npz"
    return _trace(run, str(path), file_stamp(path))


def load_evidence(run: Run) -> Mapping[str, np.ndarray]:
    """evidence.npz of a run: neighbours (N, 6), pictures (N,) and isolation (N,); empty for a run without it.

    Shared by all sessions, hence read-only.
    """
    path = run.path / "evidence.npz"
    return _evidence(run, str(path), file_stamp(path))


def load_error_range(run: Run) -> ErrorRange | None:
    """error_range.npz of a run; None for a run without it. Shared by all sessions, hence never changed."""
    path = run.path / ERROR_RANGE
    return _error_range(run, str(path), file_stamp(path))


def file_stamp(path: Path) -> tuple[int, int]:
    """Modification time and inode: they change when the file is written or replaced."""
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
    from overread.checks.burned_in import find_burned_in  # here, since importing pydicom takes time

    return find_burned_in(_study)


@st.cache_resource(max_entries=8, show_spinner=False)
def _truth(_study: Study, path: str, stamp: tuple[int, int]) -> Mapping[str, str]:
    from overread.demo.demo_truth import demo_truth  # here, since importing what draws the demo takes time

    return MappingProxyType(demo_truth(_study))


@st.cache_data(max_entries=64, show_spinner=False)
def _decoding_note(_study: Study, path: str, stamp: tuple[int, int], samples_stamp: tuple[int, int]) -> str:
    note = decoding_note(_study)
    return f"{note[:1].upper()}{note[1:]}." if note else ""


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


# The files of decided images are looked at too, and nothing else tells when one of them changes.
@st.cache_data(max_entries=8, ttl=EXPORT_KEPT_S, show_spinner=False)
def _export_summary(
    _study: Study,
    path: str,
    run_name: str | None,
    policy: LabelPolicy,
    head: str,
    stamps: tuple[tuple[int, int], ...],
) -> ExportSummary:
    table, own_columns = export_table(_study, run_name, policy=policy)
    names = dict(zip(COLUMNS, own_columns, strict=False))
    num_changed = int((table[names["is_changed"]] == "true").sum())
    return ExportSummary(Counter(table[names["verdict"]]), num_changed)


@st.cache_data(max_entries=8, show_spinner="Measuring agreement ...")
def _agreement(_study: Study, path: str, head: str, stamp: tuple[int, int]) -> StudyAgreement | None:
    return agreement_if_any(_study)


@st.cache_data(max_entries=16, show_spinner=False)
def _run_comparison(
    _study: Study,
    _first: Run,
    _second: Run,
    reader: str,
    head: str,
    paths: tuple[str, ...],
    stamps: tuple[tuple[int, int], ...],
) -> RunComparison:
    decisions = ledger(_study).decisions(reader) if reader else []
    return compare_runs(load_scores(_first), load_scores(_second), right_labels(decisions))


@st.cache_resource(max_entries=4, show_spinner=False)
def _trace(_run: Run, path: str, stamp: tuple[int, int]) -> Mapping[str, np.ndarray]:
    return _read_only(_run.trace())


@st.cache_resource(max_entries=4, show_spinner=False)
def _evidence(_run: Run, path: str, stamp: tuple[int, int]) -> Mapping[str, np.ndarray]:
    return _read_only(_run.evidence())


@st.cache_resource(max_entries=8, show_spinner=False)
def _error_range(_run: Run, path: str, stamp: tuple[int, int]) -> ErrorRange | None:
    return _run.error_range()


def _read_only(arrays: dict[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    for array in arrays.values():
        array.setflags(write=False)
    return MappingProxyType(arrays)
