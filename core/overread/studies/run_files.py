"""Reads a run's files, and checks that they are as they were when the run ended."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from overread.errors import StudyError
from overread.files import report_damage, write_atomically

CHECKSUMS = "checksums.json"
_SCORE_TYPES = {
    "sample_id": str,
    "given_label": str,
    "proposed_label": str,
    "label_error_probability": float,
    "is_proposed": bool,
}
_LATER_SCORE_TYPES = {"kind": str, "consensus": str, "consensus_of": str}
"""Of columns that a run of an earlier version, or of another preset, does not have."""


@contextmanager
def replaced_checksums(run_path: Path, contents: Mapping[str, bytes]) -> Iterator[None]:
    """Write RUN/checksums.json, the SHA-256 of files of a run. Within, the files may be written; those that were there
    before count as whole until all are. contents: by file name."""
    path = run_path / CHECKSUMS
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    if before:
        either = {name: sorted({value, *_digests(before.get(name))}) for name, value in sums.items()}
        write_atomically(path, json.dumps(before | either, indent=1) + "\n")
    else:
        write_atomically(path, json.dumps(sums, indent=1) + "\n")
    yield
    if before:
        write_atomically(path, json.dumps(before | sums, indent=1) + "\n")


def _digests(written: Any) -> list[str]:
    """The digests that a file of a run may have: one, or two while it is replaced; none if it has none."""
    if written is None:
        return []
    return written if isinstance(written, list) else [written]


def check_file(path: Path, remedy: str, *, is_readable: bool = False) -> None:
    """Raise StudyError if a file of a run is not as the run wrote it. Runs of versions without checksums pass.

    remedy: what to do then. is_readable: it was read without an error, so it was changed rather than damaged.
    """
    sums_path = path.with_name(CHECKSUMS)
    if not sums_path.exists():
        return
    written = _digests(read_json(sums_path, {}, remedy).get(path.name))
    if not written:
        return
    with report_damage(path, remedy):
        status = path.stat()
        found = _sha256(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    if found not in written:
        what = "was changed since the run wrote it, by hand or by another program" if is_readable else "is damaged"
        raise StudyError(f"{path}: {what}; {remedy}")


def read_json(path: Path, types: Mapping[str, type], remedy: str) -> dict[str, Any]:
    """A JSON object with these fields, and perhaps others. Raises StudyError, with the remedy, if it is not one."""
    with report_damage(path, remedy):
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise TypeError(path.name)
    for name, kind in types.items():
        if type(content.get(name)) is not kind:
            raise StudyError(f"{path}: is damaged: {name} is missing, or not what it should be; {remedy}")
    return content


def read_scores(path: Path) -> pd.DataFrame:
    """scores.csv; is_proposed is bool. Raises ValueError and what pandas raises where it is not whole."""
    types = _SCORE_TYPES | _LATER_SCORE_TYPES
    table = pd.read_csv(path, dtype=types, keep_default_na=False, na_values={})
    if not set(_SCORE_TYPES) <= set(table.columns) or table["sample_id"].duplicated().any():
        raise ValueError("not a row for each sample")
    if not table["label_error_probability"].between(0, 1).all():
        raise ValueError("a probability out of its range")
    return table


@lru_cache(maxsize=256)
def _sha256(path: Path, *_stamp: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
