"""Links that lead the images of a source out of it."""

import os
from collections.abc import Mapping, Set
from pathlib import Path

from overread.errors import ManifestError
from overread.records import Source
from overread.sources.import_roots import LINK_LEADS_OUT
from overread.sources.label_classes import listed

_LEADS_OUT = "a link leads out of the source; --follow-links reads it"
_LEADS_OUT_OF_ROOTS = "a link leads out of the folders that Overread was started with"
_BROKEN = "the link leads to no file"


class ImageLinks:
    """Says of the images of a source whether links lead them to places that they may not be read from."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._places = (source.root, *source.link_roots)
        self._leads_out = _LEADS_OUT_OF_ROOTS if source.link_roots else _LEADS_OUT
        self._folders: dict[Path, bool] = {}
        """Results so far: whether a folder is outside."""

    def fault(self, path: Path) -> str:
        """Why a file may not be read; empty if it may. Of a link out of the source, not whether anything is there."""
        folder = path.parent
        if folder not in self._folders:
            self._folders[folder] = self._is_outside(folder)
        if not os.path.islink(path):  # noqa: PTH114 (is_symlink raises for a name that is too long)
            return self._leads_out if self._folders[folder] else ""
        if self._is_outside(path):
            return self._leads_out
        return "" if path.exists() else _BROKEN

    def check_classes(self, labels: Set[str], reasons: Mapping[int, str]) -> None:
        """Raise ManifestError if all images of a class are behind links that lead out.

        labels: of the images that are left; reasons: why the other rows were left out, by place.
        """
        rows = [self._source.rows[place] for place in sorted(reasons) if reasons[place] == self._leads_out]
        lost = sorted({row.label for row in rows} - labels)
        if not lost:
            return
        first = next(row.image for row in rows if row.label in lost)
        what = f"links lead out of the source to all images of {listed(lost)}"
        if self._source.link_roots:
            raise ManifestError(f"{self._source.root}: {what} ({first}): {LINK_LEADS_OUT}", public=LINK_LEADS_OUT)
        raise ManifestError(
            f"{self._source.root}: {what} ({first}); give --follow-links to read them",
            public="Links lead out of the source to all images of a class; follow links (--follow-links) to read them.",
        )

    def _is_outside(self, path: Path) -> bool:
        place = Path(os.path.realpath(path))
        return not any(place.is_relative_to(allowed) for allowed in self._places)
