"""Links that lead the images of a source out of it."""

import os
from pathlib import Path

from overread.records import Source

_LEADS_OUT = "a link leads out of the source; --follow-links reads it"
_LEADS_OUT_OF_ROOTS = "a link leads out of the folders that Overread was started with"


class ImageLinks:
    """Says of the images of a source whether links lead them to places that they may not be read from."""

    def __init__(self, source: Source) -> None:
        self._places = (source.root, *source.link_roots)
        self._reason = _LEADS_OUT_OF_ROOTS if source.link_roots else _LEADS_OUT
        self._folders: dict[Path, bool] = {}
        """Results so far: whether a folder is outside."""

    def fault(self, path: Path) -> str:
        """Why a file may not be read; empty if it may."""
        folder = path.parent
        if folder not in self._folders:
            self._folders[folder] = self._is_outside(folder)
        if path.is_symlink():
            return self._reason if self._is_outside(path) else ""
        return self._reason if self._folders[folder] else ""

    def _is_outside(self, path: Path) -> bool:
        place = Path(os.path.realpath(path))
        return not any(place.is_relative_to(allowed) for allowed in self._places)
