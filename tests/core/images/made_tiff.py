"""TIFF files written by hand (TIFF 6.0, section 2, and BigTIFF): one strip a page, no compression."""

import struct
from collections.abc import Mapping, Sequence

import numpy as np

BITS, COMPRESSION, PHOTOMETRIC, DESCRIPTION, SUBFILE, TILE_WIDTH = 258, 259, 262, 270, 254, 322
_FORMATS = {"u": 1, "i": 2, "f": 3, "c": 6}


def tiff(
    pages: Sequence[np.ndarray],
    *,
    order: str = "<",
    is_big: bool = False,
    tags: Mapping[int, int | bytes] | None = None,
    later: Mapping[int, int | bytes] | None = None,
) -> bytes:
    """pages: (H, W) or (H, W, C), of any type of number. tags, later: added to those of the first and of the other
    pages, or in place of them; a number is a SHORT, bytes are text."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}H", 43 if is_big else 42)
    head += struct.pack(f"{order}HHQ", 8, 0, 16) if is_big else struct.pack(f"{order}I", 8)
    content = head
    for number, page in enumerate(pages):
        added = (later if number else tags) or {}
        content += _page(page, added, len(content), order, is_big=is_big, is_last=number == len(pages) - 1)
    return content


def _page(
    page: np.ndarray, added: Mapping[int, int | bytes], start: int, order: str, *, is_big: bool, is_last: bool
) -> bytes:
    pixels = page.astype(page.dtype.newbyteorder(order)).tobytes()
    height, width = page.shape[:2]
    num_channels = page.shape[2] if page.ndim == 3 else 1
    entries: dict[int, tuple[int, int | bytes]] = {
        256: (3, width),
        257: (3, height),
        BITS: (3, struct.pack(f"{order}{num_channels}H", *[page.dtype.itemsize * 8] * num_channels)),
        COMPRESSION: (3, 1),
        PHOTOMETRIC: (3, 2 if num_channels in (3, 4) else 1),
        277: (3, num_channels),
        278: (3, height),
        339: (3, struct.pack(f"{order}{num_channels}H", *[_FORMATS[page.dtype.kind]] * num_channels)),
    }
    if num_channels in (2, 4):
        entries[338] = (3, 2 if num_channels == 4 else 0)  # the last channel is an alpha, or of no known meaning
    entries |= {tag: (2 if isinstance(value, bytes) else 3, value) for tag, value in added.items()}
    count, offset, size = ("Q", "Q", 8) if is_big else ("H", "I", 4)
    block_bytes = struct.calcsize(count) + (len(entries) + 2) * (4 + 2 * size) + size
    values = b""

    def placed(value: bytes) -> bytes:
        """The value, or where it is."""
        nonlocal values
        if len(value) <= size:
            return value.ljust(size, b"\0")
        values += value
        return struct.pack(order + offset, start + block_bytes + len(values) - len(value))

    pixels_at = placed(pixels)
    packed = {273: (4 if not is_big else 16, 1, pixels_at)}
    packed[279] = (packed[273][0], 1, struct.pack(order + offset, len(pixels)))
    for tag, (kind, value) in entries.items():
        if isinstance(value, int):
            packed[tag] = (kind, 1, struct.pack(f"{order}H", value).ljust(size, b"\0"))
        else:
            packed[tag] = (kind, len(value) // (2 if kind == 3 else 1), placed(value))
    block = struct.pack(order + count, len(packed))
    for tag, (kind, num_values, value) in sorted(packed.items()):
        block += struct.pack(f"{order}HH{offset}", tag, kind, num_values) + value
    end = start + block_bytes + len(values)
    return block + struct.pack(order + offset, 0 if is_last else end) + values
