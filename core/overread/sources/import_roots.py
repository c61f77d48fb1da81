"""Restricts an import to the folders that the app's owner allows, wherever links or a labels file point."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from overread.errors import SourceError
from overread.sources.request import ImportRequest

OUTSIDE = (
    "The app reads only inside the folders that it was started with, and this path is not in one of them. Start it "
    "again as `overread app --root FOLDER`, where FOLDER contains your data, or import in a terminal."
)
LINK_LEADS_OUT = (
    "A link in this folder leads out of the folders that Overread was started with. Start it with --root and the "
    "folder that the link leads to, or import in a terminal."
)
_TABLES = (".csv", ".tsv", ".npz")


def is_below(path: Path | str, roots: Iterable[Path]) -> bool:
    """Whether the path, with its links resolved, is a root or below one; it need not exist."""
    try:
        place = Path(os.path.realpath(path))
    except (OSError, ValueError):  # a name with a NUL
        return False
    return any(place.is_relative_to(os.path.realpath(root)) for root in roots)


def link_roots(request: ImportRequest) -> tuple[str, ...]:
    """The folders into which the links of a source may lead: anywhere, or below the roots, if they are followed."""
    if not request.follow_links:
        return ()
    return tuple(os.path.realpath(root) for root in request.within) or (os.sep,)


def check_below(source: Path, labels: Path | None, roots: Sequence[Path]) -> None:
    """Raise SourceError unless everything that an import reads labels from is below a root.

    labels: the labels file; as in `read_source`, relative to here or to the source, so both are checked. Links are
    checked in the source and in the folders in it: no reader looks for labels deeper. The message does not reveal
    whether anything exists outside.
    """
    places = [source, *([labels, source / labels] if labels is not None else [])]
    if not all(is_below(place, roots) for place in places):
        raise SourceError(OUTSIDE, public=OUTSIDE)
    if any(not is_below(link, roots) for link in _links(source)):
        raise SourceError(LINK_LEADS_OUT, public=LINK_LEADS_OUT)


def _links(source: Path) -> list[str]:
    """The links through which labels might be read."""
    if not source.is_dir():
        # A table is read alone; a JSON file or a batch along with its neighbours.
        is_alone = source.suffix.lower() in _TABLES
        return [] if is_alone else [link for link in _entries(source.parent)[0] if not Path(link).is_dir()]
    links, folders = _entries(source)
    return [*links, *(link for folder in folders for link in _entries(folder)[0])]


def _entries(folder: Path | str) -> tuple[list[str], list[str]]:
    """The links in a folder, and the folders in it, including linked ones."""
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except OSError:  # the import says why
        return [], []
    links = [entry.path for entry in found if entry.is_symlink()]
    return links, [entry.path for entry in found if entry.is_dir()]
