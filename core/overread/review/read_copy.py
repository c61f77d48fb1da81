"""Copies of ledgers that SQLite cannot read where they are: private, in RAM if possible, deleted at the end."""

import atexit
import os
import shutil
import tempfile
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from overread.errors import LedgerFaultError

_RAM = Path("/dev/shm")  # nosec B108 # looked for
_NUM_TRIES = 5

_lock = threading.Lock()
_copies: dict[Path, "_Copy"] = {}
_outdated: dict[Path, "_Copy"] = {}
"""Previous copies, which may be about to be opened."""


@dataclass(frozen=True, slots=True)
class _Copy:
    path: Path
    stamp: tuple[tuple[int, ...] | None, ...]
    """Of the original when it was copied."""
    is_instead: bool


def make_copy(path: Path, *, is_instead: bool = False) -> Path:
    """A copy of a database, with the rows in its log; the previous copy, if the database is unchanged.

    is_instead: the copy is read even if the database itself can be, until the latter changes: it is migrated to a newer
    schema. Raises LedgerFaultError where there is no space for it.
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
    """The copy to read instead of the database, if there is one."""
    with _lock:
        known = _copies.get(path)
        return known.path if known and known.is_instead and known.stamp == _stamp(path) else None


def forget_copy(path: Path) -> None:
    """Read the database itself the next time."""
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
            if _stamp(path) == stamp:  # nothing was written meanwhile
                return _Copy(place, stamp, is_instead)
            shutil.rmtree(place.parent)
    except OSError as error:
        raise LedgerFaultError(
            f"{path}: can only be read from a copy, which cannot be made ({error.strerror}); free some space"
        ) from error
    raise LedgerFaultError(f"{path}: can only be read from a copy, and is being written to continuously; try again")


def _stamp(path: Path) -> tuple[tuple[int, ...] | None, ...]:
    """Changes when a row is added to the file, or to the log beside it."""
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
    """A private folder of this process; a forked process has another one."""
    folder = Path(tempfile.mkdtemp(prefix="overread-", dir=_RAM if os.access(_RAM, os.W_OK) else None))
    atexit.register(_remove, folder, process)
    return folder


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
