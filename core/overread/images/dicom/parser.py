"""pydicom's parser with limits on what damaged or malicious files make it parse, inflate and keep in memory."""

import os
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from typing import BinaryIO, cast

from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.filereader import read_dataset, read_partial

from overread.errors import ImageError
from overread.images.dicom.parse_limits import Limits, OverLimitError

StopWhen = Callable[[int, str | None, int], bool]
"""Called by pydicom at each top-level element: its tag, VR (None where the file has none) and length."""

_ALL_PIXEL_DATA = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_PIXEL_DATA_BYTES = {tag.to_bytes(4, "big") for tag in _ALL_PIXEL_DATA}
_PIXEL_DATA_BYTES |= {tag[1::-1] + tag[:1:-1] for tag in _PIXEL_DATA_BYTES}
_BULK_VRS = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW")
_MIN_BULK_BYTES = 2**16
_SHORT_BYTES = 64
_ZERO_ELEMENT = bytes(8)
_EMPTY_DEFLATED = b"\x03\0"
_MAX_INFLATED_HEADER_BYTES = 2**20
_MAX_TABLE_BYTES = 2**23
"""Of a table of frame offsets: a million frames, of eight bytes each."""


def parse(
    file: BinaryIO, limits: Limits, *, stop_when: StopWhen | None = None, specific_tags: Sequence[int] | None = None
) -> tuple[Dataset, "BoundedFile"]:
    """The data set, up to the element at which `stop_when` is true, and the file, read up to there.

    The data set also ends at zeros in the place of elements. Where `stop_when` is given, no more of a deflated data set
    (PS3.5 A.5) is inflated than a header may take. Raises OverLimitError, and for damaged files nearly any exception of
    pydicom's.
    """
    tags = None if specific_tags is None else list(specific_tags)
    bounded = BoundedFile(file, limits)
    dataset = bounded.checked(
        partial(read_partial, cast(BinaryIO, bounded), stop_when=stop_when, force=True, specific_tags=tags)
    )
    dataset.buffer = None  # which would keep a second copy of the file in memory
    if bounded.deflated_at is None:
        return dataset, bounded
    file.seek(bounded.deflated_at)
    max_bytes = limits.inflated_bytes if stop_when is None else _MAX_INFLATED_HEADER_BYTES
    content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(max_bytes), max_bytes + 1)
    if len(content) > max_bytes and stop_when is None:
        raise OverLimitError(f"too large (over {max_bytes // 10**6} MB when inflated)")
    inflated = BoundedFile(BytesIO(content), limits)
    meta = dataset.file_meta
    dataset = inflated.checked(
        partial(read_dataset, cast(BinaryIO, inflated), False, True, stop_when=stop_when, specific_tags=tags)
    )
    dataset.file_meta = meta
    dataset.set_original_encoding(is_implicit_vr=False, is_little_endian=True)
    return dataset, inflated


class BoundedFile:
    """A file for pydicom to read element by element, which counts the bytes and raises beyond the limits.

    What pydicom would read to the end, to inflate it at once, is empty here.
    """

    deflated_at: int | None = None
    """Where a deflated data set begins; None where there is none."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self.tell, self.seek = file.tell, file.seek
        self._read = file.read
        start = file.tell()
        file.seek(0, os.SEEK_END)
        self._num_bytes = file.tell()
        file.seek(start)
        self._num_reads_left = limits.num_reads
        self._header_bytes_left, self._bulk_bytes_left = limits.header_bytes, limits.file_bytes
        self._zeros_at = -1
        self._is_in_pixels = False
        self._fault: OverLimitError | None = None

    def read(self, size: int | None = None) -> bytes:
        # Called a thousand times per file: only what most elements need is here.
        self._num_reads_left -= 1
        if size is None or size > _SHORT_BYTES or self._num_reads_left < 0:
            return self._read_long(size)
        content = self._read(size)
        if content == _ZERO_ELEMENT:
            # One may be a value; two in a row are padding, which would otherwise be parsed as an element each.
            is_padding = self._zeros_at == self._num_reads_left + 1
            self._zeros_at = self._num_reads_left
            return b"" if is_padding else content
        return content

    def checked(self, read: Callable[[], Dataset]) -> Dataset:
        """What `read` returns. Raises OverLimitError even where pydicom replaced it by an error of its own."""
        try:
            dataset = read()
        except Exception:
            if self._fault is not None:
                raise self._fault from None
            raise
        if self._fault is not None:
            raise self._fault
        return dataset

    def frame(self, index: int, num_frames: int, offsets: tuple[bytes, bytes] | None) -> bytes:
        """A compressed frame of the pixel data that begin here. offsets: the extended table's (PS3.3 C.7.6.3.1.8).

        Raises ImageError, OverLimitError, and what pydicom raises of damaged pixel data.
        """
        self._is_in_pixels = True
        length = int.from_bytes(self.read(8)[4:], "little")  # of the basic table, which comes first (PS3.5 A.4)
        self.seek(-8, os.SEEK_CUR)
        if max([length, *map(len, offsets or ())]) > _MAX_TABLE_BYTES:
            raise ImageError("its pixel data are damaged")
        return get_frame(self, index, number_of_frames=num_frames, extended_offsets=offsets)

    def _read_long(self, size: int | None) -> bytes:
        if self._num_reads_left < 0:
            raise self._over("it has too many elements")
        if size is None:  # pydicom inflates the rest, however large that becomes
            self.deflated_at = self.tell()
            return _EMPTY_DEFLATED
        if not self._is_in_pixels:
            size = min(size, self._num_bytes - self.tell())  # a damaged length asks for up to 4 GB
            if size > _MIN_BULK_BYTES and self._is_bulk():
                self._bulk_bytes_left -= size
            else:
                self._header_bytes_left -= size
            if min(self._header_bytes_left, self._bulk_bytes_left) < 0:
                raise self._over("its header is too large")
        return self._read(size)

    def _is_bulk(self) -> bool:
        """Whether the value that begins here is always kept as bytes: pixel data or, by its VR, other bulk data."""
        place = self.tell()
        self.seek(place - 12)
        head = self._read(12)  # tag, VR, two zeros and length, or the end of another value, tag and length
        # In an implicit VR, a group number that reads as one of these VRs is odd: private, which stays bytes too.
        return head[:4] in _PIXEL_DATA_BYTES or head[4:8] in _PIXEL_DATA_BYTES or head[4:6] in _BULK_VRS

    def _over(self, reason: str) -> OverLimitError:
        self._fault = OverLimitError(reason)
        return self._fault


def before_pixels(tag: int, _vr: str | None, _length: int) -> bool:
    """For `stop_when` of `parse`: true at the pixel data, where the header ends."""
    return tag in _ALL_PIXEL_DATA
