"""What the pixel cache records about each of its rows, besides the pixels."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class CachedRow:
    """One image of the cache."""

    key: str
    stamp: tuple[int, ...]
    """Of its file when it was decoded, from `Location.stamp` or `remote_listing.look_up`."""
    sha256: str = ""
    """Of its file; empty in a cache of version 1."""
    checksum: int | None = None
    """Of key and pixels; None in a cache of version 1."""
    notes: tuple[str, ...] = ()
    """`DecodedImage.notes`; none in an older cache."""

    def is_whole(self, pixels: np.ndarray) -> bool:
        """Whether these (H, W, C) pixels are unchanged since they were decoded."""
        return self.checksum is None or self.checksum == row_checksum(self.key, pixels)


def row_checksum(key: str, pixels: np.ndarray) -> int:
    """CRC-32 of the key and of the pixels in one channel, where all channels are the same."""
    channel = pixels[..., :1] if pixels.shape[-1] == 3 and _is_grey(pixels) else pixels
    return zlib.crc32(np.ascontiguousarray(channel).data, zlib.crc32(key.encode()))


def read_rows(index: dict[str, Any]) -> tuple[CachedRow, ...]:
    """The rows of an index. Raises ValueError, KeyError and TypeError where it is damaged."""
    keys, stamps = index["keys"], index["stamps"]
    hashes = index["sha256"] if index["version"] > 1 else [""] * len(keys)
    checksums = index["checksums"] if index["version"] > 1 else [None] * len(keys)
    notes = index.get("notes") or {}
    rows = zip(keys, stamps, hashes, checksums, strict=True)
    return tuple(
        CachedRow(str(key), tuple(map(int, stamp)), str(sha256), check, tuple(map(str, notes.get(key, ()))))
        for key, stamp, sha256, check in rows
    )


def rows_index(rows: Sequence[CachedRow]) -> dict[str, Any]:
    """The part of an index that `read_rows` reads."""
    return {
        "keys": [row.key for row in rows],
        "stamps": [row.stamp for row in rows],
        "sha256": [row.sha256 for row in rows],
        "checksums": [row.checksum for row in rows],
        "notes": {row.key: row.notes for row in rows if row.notes},
    }


def _is_grey(pixels: np.ndarray) -> bool:
    return bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all())
