"""Reads the tags of TIFF files (TIFF 6.0, section 2, and BigTIFF): pages, depth, and what marks a whole slide."""

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
RGB = 2
"""The photometric interpretation (TIFF 6.0, section 8)."""
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
"""Sample formats (section 19)."""
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _DESCRIPTION = 254, 256, 257, 258, 259, 262, 270
_CHANNELS, _TILE_WIDTH, _SAMPLE_FORMAT, _XMP, _HAMAMATSU = 277, 322, 339, 700, 65420
_OF_FIRST = (
    *(_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _DESCRIPTION),
    *(_CHANNELS, _TILE_WIDTH, _SAMPLE_FORMAT, _XMP, _HAMAMATSU),
)
_OF_LATER = (_SUBFILE,)
_SLIDE_MARKS = {_DESCRIPTION: b"leica-microsystems.com/scn", _XMP: b"iScan"}
"""Slides whose first page is an overview of the glass, and not the slide at full resolution: Leica's and Ventana's."""
_IS_REDUCED = 1
"""Bit 0 of NewSubfileType: the page is another one at a lower resolution."""
_TYPES = {1: "B", 2: "B", 3: "H", 4: "I", 7: "B", 16: "Q"}
_MAX_PAGES = 10_000
_MAX_ENTRIES = 4_096
_MAX_BYTES = 2**16
"""Of one tag's value."""


@dataclass(frozen=True, slots=True)
class TiffTags:
    """What a file's first page says of its pixels, and the number of its pages."""

    width_px: int
    height_px: int
    """As stored, before the orientation."""
    bits: tuple[int, ...]
    """Of each channel, or one for all of them."""
    channels: int
    compression: int
    photometric: int
    sample_format: int
    is_tiled: bool
    is_slide: bool
    """Whether the file is marked as a whole slide whose first page is not the slide itself."""
    num_pages: int
    """Those at full resolution."""


@dataclass(frozen=True, slots=True)
class _Layout:
    order: str
    count: str
    """Struct code of an IFD's number of entries ..."""
    offset: str
    """... and of an offset, which is as wide as the value that an entry holds itself."""

    @property
    def entry_bytes(self) -> int:
        return 4 + 2 * struct.calcsize(self.offset)


def read_tiff_tags(file: BinaryIO) -> TiffTags | None:
    """The tags of a TIFF file, whose position is kept; None where those of its first page are not intact."""
    start = file.tell()
    pages = []
    with suppress(struct.error, ValueError, OverflowError):  # only the beginning of a remote file may be there
        for page in _pages(file):
            pages.append(page)
    file.seek(start)
    if not pages or not _number(pages[0], _WIDTH) or not _number(pages[0], _HEIGHT):
        return None
    first = pages[0]
    num_full = sum(not _number(page, _SUBFILE) & _IS_REDUCED for page in pages)
    texts = {tag: bytes(value & 255 for value in first.get(tag, ())) for tag in _SLIDE_MARKS}
    is_marked = any(mark in texts[tag] for tag, mark in _SLIDE_MARKS.items())
    return TiffTags(
        width_px=_number(first, _WIDTH),
        height_px=_number(first, _HEIGHT),
        bits=first.get(_BITS, (1,)),
        channels=_number(first, _CHANNELS, 1),
        compression=_number(first, _COMPRESSION, 1),
        photometric=_number(first, _PHOTOMETRIC),
        sample_format=_number(first, _SAMPLE_FORMAT, 1),
        is_tiled=_TILE_WIDTH in first,
        is_slide=is_marked or _HAMAMATSU in first,
        num_pages=max(num_full, 1),
    )


def _number(page: dict[int, tuple[int, ...]], tag: int, absent: int = 0) -> int:
    return next(iter(page.get(tag, ())), absent)


def _pages(file: BinaryIO) -> Iterator[dict[int, tuple[int, ...]]]:
    """Tag to values, page by page; of later pages only whether they are reduced."""
    head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    is_big = head[:4] in SIGNATURES[2:]
    layout = _Layout(order, "Q", "Q") if is_big else _Layout(order, "H", "I")
    (place,) = struct.unpack_from(order + layout.offset, head, 8 if is_big else 4)
    seen: set[int] = set()
    while place and place not in seen and len(seen) < _MAX_PAGES:
        tags, place_after = _read_page(file, place, layout, _OF_LATER if seen else _OF_FIRST)
        seen.add(place)
        place = place_after
        yield tags


def _read_page(
    file: BinaryIO, place: int, layout: _Layout, wanted: tuple[int, ...]
) -> tuple[dict[int, tuple[int, ...]], int]:
    file.seek(place)
    count_bytes, offset_bytes = struct.calcsize(layout.count), struct.calcsize(layout.offset)
    (num_entries,) = struct.unpack(layout.order + layout.count, file.read(count_bytes))
    if num_entries > _MAX_ENTRIES:
        raise ValueError("not an IFD")
    block = file.read(num_entries * layout.entry_bytes + offset_bytes)
    (place_after,) = struct.unpack_from(layout.order + layout.offset, block, num_entries * layout.entry_bytes)
    tags = {}
    for start in range(0, num_entries * layout.entry_bytes, layout.entry_bytes):
        tag, type_code, count = struct.unpack_from(f"{layout.order}HH{layout.offset}", block, start)
        code = _TYPES.get(type_code)
        if tag not in wanted:
            continue
        values: tuple[int, ...] = ()
        if code is not None:
            num_bytes = min(count * struct.calcsize(code), _MAX_BYTES)
            value = block[start + 4 + offset_bytes : start + layout.entry_bytes]
            if num_bytes > offset_bytes:
                file.seek(*struct.unpack(layout.order + layout.offset, value))
                value = file.read(num_bytes)
            num_values = num_bytes // struct.calcsize(code)
            values = struct.unpack_from(f"{layout.order}{num_values}{code}", value)
        tags[tag] = values
    return tags, place_after
