"""A study's folder while it is being created: next to its final location, then renamed."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import lock_descriptor

from overread.errors import StudyError
from overread.files import is_study


def staging_path(path: Path) -> Path:
    """Where a study that is to become `path` is made."""
    path = path.resolve()
    return path.with_name(f".{path.name}.making")


@contextmanager
def staged_study(path: Path, *, preserved: Sequence[str] = (), is_shared: bool = False) -> Iterator[Path]:
    """An empty folder to make a study in; it becomes `path` at the end, and is removed if anything fails.

    preserved: names of files that an earlier attempt, stopped or killed, may have left for this one; an interrupt then
    leaves the folder to a later attempt. is_shared: the umask decides who may read it, not its owner alone.
    Raises StudyError if there is something at `path` already, if another process is making a study there,
    or if the folder cannot be written.
    """
    path = path.resolve()
    check_free(path)
    absent = [folder for folder in path.parents if not folder.exists()]
    staging = staging_path(path)
    try:
        staging.parent.mkdir(parents=True, exist_ok=True)
        staging.mkdir(mode=0o777 if is_shared else 0o700, exist_ok=True)
        with locked_folder(staging, path):
            try:
                _empty(staging, preserved)  # what a killed process left
                yield staging
                check_free(path)
                staging.rename(path)
            except BaseException as error:
                if preserved and isinstance(error, KeyboardInterrupt):
                    raise
                shutil.rmtree(staging, ignore_errors=True)
                for folder in absent:
                    with suppress(OSError):
                        folder.rmdir()
                raise
    except OSError as error:
        raise StudyError(
            f"{path}: cannot be written ({error.strerror}); make it writable or choose another place"
        ) from error


def check_free(path: Path) -> None:
    """Raise StudyError if there is a study at `path` already, or anything else but an empty folder."""
    if is_study(path):
        raise StudyError(
            f"{path}: this study already exists; pass --update to read its source again, or choose another"
        )
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise StudyError(f"{path}: already exists and is not a study; choose a new or empty folder")


def link_or_copy(path: str | Path, link: str | Path) -> None:
    """Make a hard link (a symbolic one would reveal the file's name), or a copy where the disk allows none."""
    try:
        os.link(Path(path).resolve(), link)
    except OSError:
        shutil.copyfile(path, link)


@contextmanager
def locked_folder(folder: Path, path: Path) -> Iterator[None]:
    """A lock on a folder, held by the process that makes the study at `path`. Raises StudyError if another one does."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        is_ours = lock_descriptor(descriptor, blocking=False)
        # Another process may have put the folder in its place between our opening and locking it.
        if not (is_ours and folder.exists() and os.path.samestat(folder.stat(), os.fstat(descriptor))):
            raise StudyError(f"{path}: another process is making this study; wait for it, or choose another folder")
        yield
    finally:
        os.close(descriptor)


def _empty(folder: Path, preserved: Sequence[str]) -> None:
    for path in folder.iterdir():
        if path.name in preserved:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
