"""Files that Overread writes: atomically, under locks, and with a clear error where one is damaged."""

import csv
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, lock_descriptor

from overread.errors import OverreadError, StudyError

_QUOTED = re.compile(r'[",\r\n]')
_LONGEST_CELL = 2**31 - 1
"""What a C long holds on every platform."""
_OTHERS = 0o077
"""The permissions of the group and of everybody else."""
_MARKS = ("study.json", "key")
"""Files by which a study's folder is known, also while it is being made."""


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader finds the old content or the new, never a part of it.

    In a study whose folder only its owner may read, so is the file. What a killed writer of the same file left is
    removed.
    """
    with atomic_writer(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def atomic_writer(path: Path, *, mode: int | None = None, is_flushed: bool = True) -> Iterator[BinaryIO]:
    """A file to write, renamed to `path` at the end if nothing was raised; see `write_atomically`.

    mode: its permissions, before the umask; if None, those of the study that it is in. is_flushed: whether it is on the
    disk by then; if not, a power cut may truncate it.
    """
    remove_abandoned(path.parent, f".{escape(path.name)}.*.tmp")
    temporary, descriptor = _temporary_file(path, file_mode(path.parent) if mode is None else mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            if is_flushed:
                os.fsync(descriptor)
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary_file(path: Path, mode: int) -> tuple[Path, int]:
    """A new file beside `path`, and its descriptor, which holds a lock on it while it is open."""
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            is_locked = lock_descriptor(descriptor, blocking=False)
        except OSError:  # a file system without locks
            return temporary, descriptor
        # Else another writer removed it as abandoned before it was locked.
        if is_locked and os.fstat(descriptor).st_nlink:
            return temporary, descriptor
        os.close(descriptor)


def remove_abandoned(folder: Path, pattern: str) -> None:
    """Remove the temporary files of that pattern whose writers are gone: a running writer holds a lock on its file."""
    for path in folder.glob(pattern):
        with suppress(OSError), path.open("rb") as file:
            if lock_descriptor(file.fileno(), blocking=False):
                path.unlink()


def file_lock(path: Path) -> FileLock:
    """A lock between processes, on a file that is made for it and as private as the study around it.

    It is released when the process ends, however that happens.
    """
    # FileLock sets a mode that it is given regardless of the umask.
    return FileLock(path, mode=0o600) if _is_private(path.parent) else FileLock(path)


def is_locked(path: Path) -> bool:
    """Whether a running process holds a lock on a file or folder. Raises OSError if it cannot be opened."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        # A shared lock, which filelock does not offer: two processes that ask at once must not see each other's.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def file_mode(folder: Path) -> int:
    """The permissions of a new file in a folder, before the umask."""
    return 0o600 if _is_private(folder) else 0o666


def make_folder(folder: Path) -> None:
    """Make a folder and its missing parents, as private as the study around them."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o700 if _is_private(folder.parent) else 0o777, exist_ok=True)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_private(folder: Path) -> bool:
    for place in (folder, *folder.parents):
        if any((place / name).is_file() for name in _MARKS):
            return not place.stat().st_mode & _OTHERS
    return False


@contextmanager
def report_damage(path: Path, remedy: str) -> Iterator[None]:
    """Raise StudyError, with the remedy, for whatever a missing or damaged file of ours makes its reader raise."""
    try:
        yield
    except (OverreadError, MemoryError):
        raise
    except Exception as error:  # json, zipfile, numpy, pandas, torch and safetensors have each their own
        raise StudyError(f"{path}: is missing or damaged ({type(error).__name__}); {remedy}") from error


def quote_cell(cell: str) -> str:
    """A cell as written in a CSV with commas, in quotes where it needs them."""
    # csv.writer leaves a lone \r bare where lines end in \n (before Python 3.13), and then cannot read it back.
    return '"' + cell.replace('"', '""') + '"' if _QUOTED.search(cell) else cell


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """Rows of text as a CSV, each ended by a line feed."""
    return "".join(",".join(map(quote_cell, row)) + "\n" for row in rows)


def csv_records(lines: Iterable[str], *, delimiter: str = ",", strict: bool = False) -> Iterator[list[str]]:
    """The records of a CSV, as csv.reader gives them, with cells of any length: reports are long."""
    csv.field_size_limit(_LONGEST_CELL)  # of the whole process; 131,072 characters by default
    return csv.reader(lines, delimiter=delimiter, strict=strict)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_study(path: Path) -> bool:
    """Whether a folder holds a study: study.json is written last, so a folder without it does not."""
    return (path / "study.json").is_file()
