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
