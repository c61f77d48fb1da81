"""Copies of ledgers that SQLite cannot read in their place: private, in RAM where there is some, gone at the end."""

import atexit
import os
import shutil
import tempfile
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from overread.errors import LedgerError

_RAM = Path("/dev/shm")
_NUM_TRIES = 5

_lock = threading.Lock()
_copies: dict[Path, "_Copy"] = {}
_outdated: dict[Path, "_Copy"] = {}
"""The ones before, which somebody may be about to open."""


@dataclass(frozen=True, slots=True)
class _Copy:
    path: Path
    stamp: tuple[tuple[int, ...] | None, ...]
    """Of the original when it was copied."""
    is_instead: bool


def make_copy(path: Path, *, is_instead: bool = False) -> Path:
    """A copy of a database with the rows in its log; the one before, where the database is still the same.

    is_instead: to be read even where the database itself can be, until that changes: it is brought to a newer schema.
    Raises LedgerError where there is no room for it.
    """
    with _lock:
        known = _copies.get(path)
        if known is None or known.stamp != _stamp(path) or known.is_instead < is_instead:
            if path in _outdated:
                shutil.rmtree(_outdated.pop(path).path.parent, ignore_errors=True)
            if known is not None:
                _outdated[path] = known
            _copies[path] = known = _copied(path, is_instead)
        return known.path


def copy_instead(path: Path) -> Path | None:
    """The copy to read in the database's stead; None where that itself is to be tried."""
    with _lock:
        known = _copies.get(path)
        return known.path if known and known.is_instead and known.stamp == _stamp(path) else None


def forget_copy(path: Path) -> None:
    """Try the database itself the next time."""
    with _lock:
        _copies.pop(path, None)


def _copied(path: Path, is_instead: bool) -> _Copy:
    try:
        for _ in range(_NUM_TRIES):
            stamp = _stamp(path)
            place = Path(tempfile.mkdtemp(dir=_folder(os.getpid()))) / path.name
            for ending in ("", "-wal"):
                original = path.with_name(path.name + ending)
                if original.exists():
                    shutil.copyfile(original, place.with_name(place.name + ending))
            if _stamp(path) == stamp:  # nobody wrote meanwhile
                return _Copy(place, stamp, is_instead)
            shutil.rmtree(place.parent)
    except OSError as error:
        raise LedgerError(
            f"{path}: can be read from a copy alone, which cannot be made ({error.strerror}); free some room"
        ) from error
    raise LedgerError(f"{path}: can be read from a copy alone, and is being written all the time; try again")


def _stamp(path: Path) -> tuple[tuple[int, ...] | None, ...]:
    """What changes when a row is added to the file, or to the log beside it."""
    found: list[tuple[int, ...] | None] = []
    for place in (path, path.with_name(path.name + "-wal")):
        try:
            status = place.stat()
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
        except OSError:
            found.append(None)
    return tuple(found)


@cache
def _folder(process: int) -> Path:
    """A private folder of this process: of a forked one, another."""
    folder = Path(tempfile.mkdtemp(prefix="overread-", dir=_RAM if os.access(_RAM, os.W_OK) else None))
    atexit.register(_remove, folder, process)
    return folder


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
