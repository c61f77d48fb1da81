"""An update of a study: one generation of its files replaces another, completely or not at all.

    STUDY/.update       the new generation while it is being made
    STUDY/.committed    the same once it is complete: with that rename the update is committed, and its files are moved

Whoever opens the study then, or after a kill, first moves the committed files. An update that was not committed changes
nothing, and the next one continues with what it had decoded.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, lock_descriptor

from overread.errors import StudyError
from overread.files import file_lock, is_locked, make_folder, remove_abandoned, sync_folder, write_atomically

UPDATE = ".update"
_COMMITTED = ".committed"
TABLES = ("source.csv", "quarantine.csv", "samples.csv")
_BEFORE = (".pixels.new", ".pixels.old")
"""What killed updates of an earlier version left."""
_STILL_WRITING_S = 60


def study_lock(path: Path) -> FileLock:
    """Held while a study's files are put in place or study.json is changed; released when the process ends."""
    return file_lock(path / ".lock")


def apply_committed_update(path: Path) -> None:
    """Move the files of a committed update to their places, if there is one. Raises StudyError where that fails."""
    if not (path / _COMMITTED).is_dir():
        return
    try:
        with study_lock(path):
            move_committed_files(path)
    except OSError as error:
        raise StudyError(
            f"{path}: an update of this study is only partly in place, and its folder is not writable "
            f"({error.strerror}); open the study once where it is writable"
        ) from error


def move_committed_files(path: Path) -> None:
    """As `apply_committed_update`, for a caller that holds the study's lock. After a stop it can be repeated."""
    new = path / _COMMITTED
    if not new.is_dir():
        return
    for name in TABLES:
        _move(new / name, path / name)
    pixels, old = path / "pixels", new / "pixels.old"
    if (new / "pixels").is_dir():
        if pixels.is_dir():
            shutil.rmtree(old, ignore_errors=True)
            pixels.rename(old)
        (new / "pixels").rename(pixels)
    sync_folder(path)
    if (new / "study.json").is_file():
        _keep_ledger_mark(path / "study.json", new / "study.json")
        _move(new / "study.json", path / "study.json")
        sync_folder(path)
    shutil.rmtree(new)


@contextmanager
def staged_update(path: Path) -> Iterator[Path]:
    """The folder STUDY/.update, to make the new generation in; the caller commits it at the end.

    Its pixels/ may hold what an update that was stopped or killed had decoded. An interrupt leaves the folder to the
    next update; a failure removes it.
    """
    staging = path / UPDATE
    for name in _BEFORE:
        shutil.rmtree(path / name, ignore_errors=True)
    make_folder(staging)
    descriptor = os.open(staging, os.O_RDONLY)
    try:
        lock_descriptor(descriptor)
        for left in staging.iterdir():
            if left.name != "pixels":
                left.unlink()
        yield staging
    except KeyboardInterrupt:
        raise
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    finally:
        os.close(descriptor)


def commit(path: Path) -> None:
    """Replace the study's tables, study.json and pixels by those in the folder of `staged_update`."""
    staging = path / UPDATE
    sync_folder(staging / "pixels")
    sync_folder(staging)
    with study_lock(path):
        move_committed_files(path)
        staging.rename(path / _COMMITTED)
        sync_folder(path)
        move_committed_files(path)


def is_unfinished(path: Path) -> bool:
    """Whether an update of the study was stopped and none is running."""
    try:
        return not is_locked(path / UPDATE)
    except OSError:
        return False


def remove_temporary_files(path: Path) -> None:
    """Remove the temporary files that killed writers left in a study."""
    folders = [path, path / "pixels", *(folder for folder in (path / "runs").rglob("*") if folder.is_dir())]
    for folder in folders:
        for left in folder.glob(".*.tmp"):
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > _STILL_WRITING_S:
                    remove_abandoned(folder, left.name)


def _move(new: Path, place: Path) -> None:
    if new.is_file():
        new.replace(place)


def _keep_ledger_mark(live: Path, new: Path) -> None:
    """A verdict may have been recorded during the update."""
    with suppress(OSError, ValueError, AttributeError):
        fields = json.loads(new.read_text(encoding="utf-8"))
        if json.loads(live.read_text(encoding="utf-8")).get("has_ledger") and not fields.get("has_ledger"):
            text = json.dumps(fields | {"has_ledger": True}, indent=2, ensure_ascii=False) + "\n"
            write_atomically(new, text)
