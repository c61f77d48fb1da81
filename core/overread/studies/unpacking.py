"""Gives an archive to the readers as the folder that it holds, and leaves nothing behind but what a study keeps.

An archive is unpacked beside the study that is to be made, since readers need its files before there is a study; the
import then moves them into the study (`keep_unpacked`), where its images are shown from. An update finds them there.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from overread.errors import ManifestError, SourceError, StudyError, UserError
from overread.files import file_mode, is_study, make_folder
from overread.images.remote import is_remote
from overread.records import Source
from overread.sources.archives import is_archive, is_named_archive, unpack
from overread.sources.folder import SPLITS
from overread.sources.import_roots import check_below, is_below
from overread.sources.label_classes import listed
from overread.sources.request import ImportRequest
from overread.sources.source_format import OnBytes
from overread.studies.staging import check_free, locked_folder, staging_path

IMAGES = "images"
"""The folder of a study that holds the images of archives and of array files."""


@contextmanager
def unpacked(
    request: ImportRequest,
    study: Path | str | None = None,
    *,
    is_update: bool = False,
    is_shared: bool = False,
    on_progress: OnBytes | None = None,
) -> Iterator[ImportRequest]:
    """The request, with its archive, if it names one, replaced by the folder (or the only file) that it holds.

    A folder with nothing but an archive is that archive. study: the one to make or update; None: there will be none,
    and the files are removed at the end. is_shared: as in `StudyOptions`. on_progress: as of `archives.unpack`. Errors
    inside name the archive instead of the folder.
    Raises SourceError for an archive that cannot be unpacked, StudyError if the study cannot be made.
    """
    archive = _archive(request)
    if archive is None:
        with _archives_told(request.source):
            yield request
        return
    with ExitStack() as stack:
        content = _kept(archive, study) or stack.enter_context(
            _beside(archive, study, is_update=is_update, is_shared=is_shared, on_progress=on_progress)
        )
        inner = _inner(content)
        if inner.is_file() and is_archive(inner):
            raise SourceError(f"{archive}: holds another archive, {inner.name}; unpack it, and give that one")
        reading = replace(
            request,
            source=inner,
            labels=_labels(request.labels, archive, content, inner),
            archive=archive,
            unpacked=content.parent,
            within=(*request.within, content) if request.within else (),
        )
        try:
            with _archives_told(inner):
                yield reading
        except UserError as error:
            raise _of_archive(error, _places(inner, content, study), archive) from error


def keep_unpacked(source: Source, folder: Path) -> Source:
    """The source with what it was unpacked to moved below `folder`, unless it is there already."""
    before = Path(source.unpacked)
    after = folder / before.name
    if before != after:
        make_folder(folder)
        shutil.rmtree(after, ignore_errors=True)
        before.rename(after)
    return moved(source, before, after)


def moved(source: Source, before: Path, after: Path) -> Source:
    """The source, of which a folder was moved."""

    def new(path: str) -> str:
        is_inside = path and not is_remote(path) and Path(path).is_relative_to(before)
        return str(after / Path(path).relative_to(before)) if is_inside else path

    return replace(source, root=new(source.root), labels_file=new(source.labels_file), unpacked=new(source.unpacked))


def _archive(request: ImportRequest) -> Path | None:
    """The archive that is the source, or lies alone in its folder."""
    if is_remote(str(request.source)):
        return None
    path = Path(request.source)
    if path.is_dir():
        found = _entries(path)
        if len(found) == 1 and (not request.within or is_below(found[0].path, request.within)):
            path = Path(found[0].path)
    if not path.is_file():
        return None
    if request.within:
        check_below(path, None, request.within)
    try:
        return path.resolve() if is_archive(path) else None
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error


@contextmanager
def _archives_told(source: Path | str) -> Iterator[None]:
    """Where a folder cannot be read as a source, and archives lie in it, the error says so."""
    found = [] if is_remote(str(source)) else _archives_in(Path(source))
    try:
        yield
    except (SourceError, ManifestError) as error:
        if not found or error.question:
            raise
        message = f"{error}. It holds archives ({listed(found)}): unpack them first, or give one of them as the source"
        raise type(error)(message, public=error.public) from error


def _archives_in(folder: Path) -> list[str]:
    """The names of the archives in a folder that has no folders in it."""
    entries = _entries(folder)
    if any(entry.is_dir() for entry in entries):
        return []
    return sorted(entry.name for entry in entries if is_named_archive(Path(entry.path)))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder, but for hidden files; nothing if it cannot be listed: the readers say why."""
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return []


def _places(inner: Path, content: Path, study: Path | str | None) -> list[Path]:
    """Where a folder of an archive's content is, before and after the import has moved it."""
    beside = content.parent.parent
    studies = [] if study is None else [staging_path(Path(study)), Path(study).resolve()]
    return [folder / inner.relative_to(beside) for folder in (beside, *(study / IMAGES for study in studies))]


def _of_archive(error: UserError, folders: Sequence[Path], archive: Path) -> UserError:
    """The error, naming the archive instead of the folders that it was unpacked to."""

    def told(text: str) -> str:
        for folder in folders:
            text = text.replace(str(folder), str(archive))
        return text

    question = error.question
    if question:
        question = replace(question, choices=tuple((told(text), number) for text, number in question.choices))
    return type(error)(told(str(error)), public=told(error.public), question=question)


def _labels(labels: Path | str | None, archive: Path, content: Path, inner: Path) -> Path | str | None:
    """The labels file: one here, or one in the archive, which may be named as if the archive were a folder, or beside
    it."""
    if labels is None or Path(labels).is_file():
        return labels
    path = Path(labels)
    for folder in (archive, archive.resolve(), archive.parent):
        if path.is_absolute() and path.is_relative_to(folder):
            path = path.relative_to(folder)
    return next((folder / path for folder in (inner, content, archive.parent) if (folder / path).is_file()), labels)


def _name(archive: Path) -> str:
    """Of the folder that an archive is unpacked into: another one if the archive has changed."""
    state = archive.stat()
    return hashlib.sha256(f"{state.st_size} {state.st_mtime_ns}".encode()).hexdigest()[:16]


def _kept(archive: Path, study: Path | str | None) -> Path | None:
    """What a study, or an import of it that was stopped, holds of the archive."""
    if study is None:
        return None
    study = Path(study)
    content = (study if is_study(study) else staging_path(study)).resolve() / IMAGES / _name(archive) / archive.name
    if not content.is_dir():
        return None
    left = _folder_beside(study)
    if left.is_dir():  # by a killed process
        with suppress(StudyError), locked_folder(left, study):
            shutil.rmtree(left, ignore_errors=True)
    return content


def _folder_beside(study: Path) -> Path:
    """Where an archive is unpacked before there is a study to move its content into."""
    study = study.resolve()
    return study.with_name(f".{study.name}.unpacked")


@contextmanager
def _beside(
    archive: Path, study: Path | str | None, *, is_update: bool, is_shared: bool, on_progress: OnBytes | None
) -> Iterator[Path]:
    """The archive unpacked beside the study, into a folder that is removed at the end, if it was not moved; without a
    study, into one for temporary files."""
    if study is None:
        with tempfile.TemporaryDirectory(prefix="overread-") as temporary:
            yield _unpacked_in(Path(temporary).resolve(), archive, is_private=True, on_progress=on_progress)
        return
    study = Path(study).resolve()
    if not is_update:
        check_free(study)
    is_private = file_mode(study) == 0o600 if is_study(study) else not is_shared
    folder = _folder_beside(study)
    absent = [parent for parent in folder.parents if not parent.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SourceError(f"{folder}: cannot be written ({error.strerror}); choose another place") from error
    with locked_folder(folder, study):
        try:
            yield _unpacked_in(folder, archive, is_private=is_private, on_progress=on_progress)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            for parent in absent:
                with suppress(OSError):
                    parent.rmdir()


def _unpacked_in(folder: Path, archive: Path, *, is_private: bool, on_progress: OnBytes | None) -> Path:
    place = folder / _name(archive)
    for path in folder.iterdir():  # what a killed process left, of this archive or another one
        shutil.rmtree(path, ignore_errors=True)
    place.mkdir(mode=0o700 if is_private else 0o777)
    unpack(archive, place / archive.name, is_private=is_private, on_progress=on_progress)
    return place / archive.name


def _inner(folder: Path) -> Path:
    """The folder that an archive is of, if all that it holds is one folder; the only file, if there is nothing else."""
    found = list(folder.iterdir())
    if len(found) == 1 and found[0].is_dir() and found[0].name.lower() not in SPLITS:
        folder = found[0]
        found = list(folder.iterdir())
    return found[0] if len(found) == 1 and found[0].is_file() else folder
