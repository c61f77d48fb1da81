"""Gives an archive to the readers as the folder that it holds, and leaves nothing behind but what a study keeps.

An archive is unpacked beside the study that is to be made, since readers need its files before there is a study; the
import then moves them into the study (`importing`), where its images are shown from. An update finds them there.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from overread.errors import SourceError, UserError
from overread.files import file_mode, is_study
from overread.images.remote import is_remote
from overread.sources.archives import is_archive, unpack
from overread.sources.folder import SPLITS
from overread.sources.import_roots import check_below
from overread.sources.request import ImportRequest
from overread.studies.staging import check_free, locked_folder, staging_path

IMAGES = "images"
"""The folder of a study that holds the images of archives and of array files."""


@contextmanager
def unpacked(
    request: ImportRequest, study: Path | None = None, *, is_update: bool = False, is_shared: bool = False
) -> Iterator[ImportRequest]:
    """The request, with its archive, if it names one, replaced by the folder (or the only file) that it holds.

    study: the one to make or update; None: there will be none, and the files are removed at the end. is_shared: as in
    `StudyOptions`. Errors inside name the archive instead of the folder.
    Raises SourceError for an archive that cannot be unpacked, StudyError if the study cannot be made.
    """
    if is_remote(str(request.source)) or not is_archive(Path(request.source)):
        yield request
        return
    archive = Path(request.source).resolve()
    if request.within:
        check_below(Path(request.source), None, request.within)
    with ExitStack() as stack:
        content = _kept(archive, study) or stack.enter_context(_beside(archive, study, is_update, is_shared))
        inner = _inner(content)
        within = (*request.within, content) if request.within else ()
        labels = request.labels
        if labels is not None and not Path(labels).is_file() and (content / labels).is_file():
            labels = content / labels
        try:
            yield replace(request, source=inner, labels=labels, archive=archive, unpacked=content.parent, within=within)
        except UserError as error:
            message, public = (text.replace(str(inner), str(archive)) for text in (str(error), error.public))
            raise type(error)(message, public=public, question=error.question) from error


def _name(archive: Path) -> str:
    """Of the folder that an archive is unpacked into: another one if the archive has changed."""
    state = archive.stat()
    return hashlib.sha256(f"{state.st_size} {state.st_mtime_ns}".encode()).hexdigest()[:16]


def _kept(archive: Path, study: Path | None) -> Path | None:
    """What a study, or an import of it that was stopped, holds of the archive."""
    if study is None:
        return None
    content = (study if is_study(study) else staging_path(study)).resolve() / IMAGES / _name(archive) / archive.name
    return content if content.is_dir() else None


@contextmanager
def _beside(archive: Path, study: Path | None, is_update: bool, is_shared: bool) -> Iterator[Path]:
    """The archive unpacked into a folder that is removed at the end, if it was not moved; without a study, into one for
    temporary files."""
    if study is None:
        with tempfile.TemporaryDirectory(prefix="overread-") as folder:
            yield _unpacked_in(Path(folder), archive, is_private=True)
        return
    study = study.resolve()
    if not is_update:
        check_free(study)
    is_private = file_mode(study) == 0o600 if is_study(study) else not is_shared
    folder = study.with_name(f".{study.name}.unpacked")
    absent = [parent for parent in folder.parents if not parent.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SourceError(f"{folder}: cannot be written ({error.strerror}); choose another place") from error
    with locked_folder(folder, study):
        try:
            yield _unpacked_in(folder, archive, is_private=is_private)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            for parent in absent:
                with suppress(OSError):
                    parent.rmdir()


def _unpacked_in(folder: Path, archive: Path, *, is_private: bool) -> Path:
    place = folder / _name(archive)
    for path in folder.iterdir():  # what a killed process left, of this archive or another one
        shutil.rmtree(path, ignore_errors=True)
    place.mkdir(mode=0o700 if is_private else 0o777)
    unpack(archive, place / archive.name, is_private=is_private)
    return place / archive.name


def _inner(folder: Path) -> Path:
    """The folder whose content an archive is of: archives often hold a single folder, with all else in it."""
    while len(found := list(folder.iterdir())) == 1 and found[0].name.lower() not in SPLITS:
        folder = found[0]
        if not folder.is_dir():
            break
    return folder
