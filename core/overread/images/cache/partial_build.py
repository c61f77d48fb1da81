"""The images decoded by an interrupted build of the pixel cache, from which the next build continues.

    FOLDER/partial.json    the rows of an unfinished build, as in index.json

It is written from time to time during a build, atomically; only the next build reads it.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from overread.files import write_atomically
from overread.images.cache.cached_row import CachedRow, read_rows, rows_index

PARTIAL = "partial.json"
INTERVAL_S = 1.0
"""The least time between two checkpoints."""
_MAX_SHARE = 0.05
"""The share of the time that checkpoints may take: in a large build they are fewer, since each takes longer."""


@dataclass(frozen=True)
class Partial:
    """The rows that an interrupted build has left."""

    rows: tuple[CachedRow, ...]
    pixels: np.ndarray
    """(N, H, W, C) uint8 memory map."""


def open_partial(folder: Path, size_px: int, version: int) -> Partial | None:
    """What an interrupted build of this size and version left in a cache's folder, if anything."""
    try:
        index = json.loads((folder / PARTIAL).read_text(encoding="utf-8"))
        if (index["version"], index["size_px"]) != (version, size_px):
            return None
        rows = read_rows(index)
        shape = (len(rows), size_px, size_px, int(index["channels"]))
        path = folder / Path(index["pixels"]).name
        pixels = np.memmap(path, dtype=np.uint8, mode="r", offset=int(index["offset"]), shape=shape)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # missing or damaged
        return None
    return Partial(rows, pixels)


def partial_array(folder: Path) -> str | None:
    """The name of the array of the last checkpoint."""
    try:
        return Path(json.loads((folder / PARTIAL).read_text(encoding="utf-8"))["pixels"]).name
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


class Checkpoints:
    """Writes partial.json during a build, in at most a twentieth of its time."""

    def __init__(self, folder: Path, size_px: int, version: int, num_before: int) -> None:
        """num_before: rows in the earlier build's checkpoint, which is kept until this build has more."""
        self._folder, self._fixed = folder, {"version": version, "size_px": size_px}
        self._num_before = num_before
        self._due_s = time.monotonic() + INTERVAL_S

    def is_due(self, num_rows: int) -> bool:
        return num_rows > self._num_before and time.monotonic() >= self._due_s

    def write(self, pixels: str, offset: int, channels: int, rows: list[CachedRow]) -> None:
        """rows: flushed to the disk already; pixels: the name of their array; offset: of its first row in bytes."""
        began_s = time.monotonic()
        index = {"pixels": pixels, "offset": offset, "channels": channels, **rows_index(rows)}
        write_atomically(self._folder / PARTIAL, json.dumps(self._fixed | index))
        ended_s = time.monotonic()
        self._due_s = ended_s + max(INTERVAL_S, (ended_s - began_s) / _MAX_SHARE)
