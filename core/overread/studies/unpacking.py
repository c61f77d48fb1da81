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

from overread.errors import ManifestError, SourceError, UserError
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
