"""Reads one frame of a multi-frame DICOM file without the others: reading all frames for each would take quadratic
time."""

import mmap
import os
from typing import BinaryIO, Literal, cast

from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import get_expected_length
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from overread.images.dicom.parse_limits import ORDINARY, Limits, OverLimitError
from overread.images.dicom.parser import before_pixels, parse

_MIN_BYTES = 2**20
"""A smaller file is read as fast completely."""
_PIXEL_DATA = Tag("PixelData")
_UNDEFINED_LENGTH = b"\xff\xff\xff\xff"
_OFFSETS = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")


def read_one_frame(file: BinaryIO, frame_number: int | None, limits: Limits = ORDINARY) -> tuple[Dataset, int] | None:
    """A data set whose pixel data are those of one frame (counted from 1; without a number, of the middle one), and the
    index of this frame in the file.

    None for a small file, one with a single frame, or anything unusual. Raises OverLimitError.
    """
    try:
        if os.fstat(file.fileno()).st_size < _MIN_BYTES:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:  # whose reads end where the file ends
            return _one_frame(content, frame_number, limits)
    except OverLimitError:
        raise
    except Exception:  # damaged files raise nearly anything; reading them completely will say why
        return None


def _one_frame(content: mmap.mmap, frame_number: int | None, limits: Limits) -> tuple[Dataset, int] | None:
    dataset, bounded = parse(cast(BinaryIO, content), limits, stop_when=before_pixels)
    syntax = dataset.file_meta.TransferSyntaxUID
    num_frames = int(dataset.get("NumberOfFrames") or 1)
    frame = num_frames // 2 if frame_number is None else frame_number - 1
    if num_frames < 2 or not 0 <= frame < num_frames or syntax == DeflatedExplicitVRLittleEndian:
        return None
    is_implicit, is_little = dataset.original_encoding
    start = content.tell()
    order: Literal["little", "big"] = "little" if is_little else "big"
    group, element = (int.from_bytes(content[at : at + 2], order) for at in (start, start + 2))
    if Tag(group, element) != _PIXEL_DATA:
        return None
    vr = "OW" if is_implicit else content[start + 4 : start + 6].decode("ascii")
    content.seek(start + (8 if is_implicit else 12))  # PS3.5 7.1.2 and 7.1.3
    extended = [dataset.get(name) for name in _OFFSETS]
    dataset.NumberOfFrames = 1
    if syntax.is_encapsulated:
        offsets = tuple(extended) if all(extended) else None
        value = encapsulate([bounded.frame(frame, num_frames, offsets)])
        for name in _OFFSETS:
            dataset.pop(name, None)
    else:
        is_compressed = content[content.tell() - 4 : content.tell()] == _UNDEFINED_LENGTH  # in spite of the syntax
        if is_compressed or dataset.BitsAllocated % 8:  # of which frames need not begin with a byte
            return None
        num_bytes = get_expected_length(dataset)
        content.seek(frame * num_bytes, os.SEEK_CUR)
        value = content.read(num_bytes)
        if len(value) < num_bytes:
            return None
    dataset.add_new(_PIXEL_DATA, vr, value)
    return dataset, frame
