"""Sets of samples that somebody chose, on a map say: stored in the study, under a name that is made of their ids.

A page's address, a ticket and a queue's choice then carry the name, and every server of the study knows the ids.
"""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from overread.errors import StudyError
from overread.files import make_folder, write_atomically

FOLDER = "selections"
"""In the study's folder: a text file for each, an id a line."""
NUM_STORED = 200
"""The oldest beyond these are removed."""
_NUM_CACHED = 8


def save_selection(study_path: Path, sample_ids: Iterable[str]) -> str:
    """Store a set of sample ids; returns its name. Raises StudyError where the study cannot be written to."""
    text = "\n".join(sorted(set(sample_ids)))
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    folder = study_path / FOLDER
    try:
        make_folder(folder)
        write_atomically(folder / f"{name}.txt", text)
        _remove_oldest(folder)
    except OSError as error:
        raise StudyError(f"{folder}: the selection cannot be stored ({error.strerror})") from error
    return name


@lru_cache(maxsize=_NUM_CACHED)
def load_selection(study_path: Path, name: str) -> frozenset[str]:
    """The sample ids of a selection. Raises StudyError where it is not there any more."""
    path = study_path / FOLDER / f"{name}.txt"
    try:
        return frozenset(path.read_text(encoding="utf-8").split())
    except OSError as error:
        raise StudyError(f"{path}: this selection of images is no longer stored; select them again") from error


def _remove_oldest(folder: Path) -> None:
    stored = sorted(folder.glob("*.txt"), key=lambda path: path.stat().st_mtime_ns)
    for path in stored[:-NUM_STORED]:
        with suppress(OSError):
            path.unlink()
