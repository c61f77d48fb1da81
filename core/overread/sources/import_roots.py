"""Keeps an import below the folders that a page's owner named, wherever the source's links and labels file lead."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from overread.errors import SourceError

OUTSIDE = (
    "Pages read only below the folders that Overread was started with, and this is not below one of them. Start it "
    "with --root and a folder above, or import in a terminal."
)
LINK_LEADS_OUT = (
    "A link in this folder leads out of the folders that Overread was started with. Start it with --root and the "
    "folder that the link leads to, or import in a terminal."
)
_TABLES = (".csv", ".tsv", ".npz")


def is_below(path: Path | str, roots: Iterable[Path]) -> bool:
    """Whether the path, once its links are followed, is a root or lies below one; it need not be there."""
    try:
        place = Path(os.path.realpath(path))
    except (OSError, ValueError):  # a name with a NUL
        return False
    return any(place.is_relative_to(os.path.realpath(root)) for root in roots)


def check_below(source: Path, labels: Path | None, roots: Sequence[Path]) -> None:
    """Raise SourceError unless all that an import takes labels from lies below a root.

    labels: the labels file; as in `read_source`, it may be meant from here or from the source, so both are checked.
    Of the source's links those count that lie in it or in a folder in it: no reader looks for labels deeper. The
    message does not tell whether there is anything at a place outside.
    """
    places = [source, *([labels, source / labels] if labels is not None else [])]
    if not all(is_below(place, roots) for place in places):
        raise SourceError(OUTSIDE, public=OUTSIDE)
    if any(not is_below(link, roots) for link in _links(source)):
        raise SourceError(LINK_LEADS_OUT, public=LINK_LEADS_OUT)


def _links(source: Path) -> list[str]:
    """The links beside which, or below which, labels may be read."""
    if not source.is_dir():
        # A table is read alone; a JSON file or a batch with its neighbours.
        is_alone = source.suffix.lower() in _TABLES
        return [] if is_alone else [link for link in _entries(source.parent)[0] if not Path(link).is_dir()]
    links, folders = _entries(source)
    return [*links, *(link for folder in folders for link in _entries(folder)[0])]


def _entries(folder: Path | str) -> tuple[list[str], list[str]]:
    """The links in a folder, and the folders in it, linked ones among them."""
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except OSError:  # the import says why
        return [], []
    links = [entry.path for entry in found if entry.is_symlink()]
    return links, [entry.path for entry in found if entry.is_dir()]
