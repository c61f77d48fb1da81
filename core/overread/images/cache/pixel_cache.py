"""The pixel cache: every image of a study decoded once, as one memory-mapped uint8 array.

    FOLDER/index.json      keys in order, each file's stamp and SHA-256, each row's checksum; size, channels, and the
                           array's file name
    FOLDER/pixels-*.npy    (N, H, W, C) uint8

The index is written last, atomically, and names its array: a process that is killed before leaves the old pair intact,
and the next build removes the rest. The index holds no file names.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from overread.errors import StudyError
from overread.images.cache.cached_row import CachedRow, read_rows

CACHE_VERSION = 3
"""Earlier versions are still read; the next build decodes their images again. Version 1 has neither hashes nor
checksums; version 2 shows padding, pixels that are not square, and colour of 16 bits otherwise."""
INDEX = "index.json"


@dataclass(frozen=True)
class PixelCache:
    """The images of a study at training size."""

    keys: tuple[str, ...]
    """N keys; `pixels[i]` is the image of `keys[i]`."""
    pixels: np.ndarray
    """(N, H, W, C) uint8 memory map; C is 1 where every image is grey, else 3. Copy-on-write: writable, and
    what is written never reaches the disk."""
    size_px: int
    rows: tuple[CachedRow, ...]
    """For each key, what its file was when it was decoded."""
    folder: Path = Path()
    version: int = CACHE_VERSION

    @property
    def channels(self) -> int:
        return self.pixels.shape[3]

    def image(self, key: str) -> np.ndarray:
        """(H, W, C) uint8: the image of a key. Raises StudyError if it is missing or damaged."""
        place = self._places.get(key)
        if place is None:
            raise StudyError(f"{self.folder}: the image is not in the pixel cache; run `import --update`")
        self._check([place])
        return np.asarray(self.pixels[place])

    @cached_property
    def _places(self) -> dict[str, int]:
        """Each key's place. A page asks for one image at a time, of up to a million."""
        return {key: place for place, key in enumerate(self.keys)}

    def verify(self) -> None:
        """Raise StudyError if a row is damaged. Reads all of the pixels."""
        self._check(range(len(self.keys)))

    def _check(self, places: Iterable[int]) -> None:
        num_damaged = sum(not self.rows[place].is_whole(self.pixels[place]) for place in places)
        if num_damaged:
            raise StudyError(
                f"{self.folder}: the pixel cache is damaged ({num_damaged} of {len(self.keys)} images); delete the "
                "folder and run `overread import ... --update`, which decodes the images again"
            )


def open_cache(folder: Path) -> PixelCache:
    """Open a study's cache. Raises StudyError if it is missing or incomplete; its rows are not checked."""
    if not (folder / INDEX).is_file():
        raise StudyError(f"{folder}: there is no pixel cache; build it with `overread import ... --update`")
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        if index["version"] not in range(1, CACHE_VERSION + 1):
            raise ValueError(f"version {index['version']}, this program writes {CACHE_VERSION}")
        rows, size_px = read_rows(index), int(index["size_px"])
        pixels = np.load(folder / Path(index["pixels"]).name, mmap_mode="c", allow_pickle=False)
        expected = (len(rows), size_px, size_px, int(index["channels"]))
        if pixels.shape != expected or pixels.dtype != np.uint8:
            raise ValueError(f"an array of {pixels.shape}, the index says {expected}")
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StudyError(
            f"{folder}: the pixel cache is not intact ({error}); rebuild it with `overread import ... --update`"
        ) from error
    return PixelCache(tuple(row.key for row in rows), pixels, size_px, rows, folder, index["version"])
