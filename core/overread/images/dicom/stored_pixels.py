"""The stored values of one DICOM frame, decoded by pydicom and its plugins, and which of them are padding."""

from io import BytesIO
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSTransferSyntaxes,
    JPEGTransferSyntaxes,
)

from overread.errors import ImageError
from overread.images.dicom.codestream import coded_color, coded_size, with_whole_scan
from overread.images.dicom.parse_limits import Limits, OverLimitError
from overread.images.dicom.parser import BoundedFile
from overread.images.dicom.pixel_padding import pixel_padding, without_padding
from overread.images.dicom.stored_bits import stored_values

_SEQUENTIAL = (JPEGBaseline8Bit, JPEGExtended12Bit)
_OVERLAY_BIT_POSITION = 0x0102
"""Of a group 60xx: not 0 where the overlay is in the unused bits of the pixels (PS3.5 8.1.2, retired)."""
_MAX_COMPONENTS = 4
_START_OF_IMAGE = b"\xff\xd8"


def decode(dataset: Dataset, frame: int, limits: Limits, *, is_grey: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """Stored values of one frame, (H, W), or (H, W, 3) with YBR turned into RGB; and where grey ones are padding,
    (H, W) bool, None where none or all are."""
    # JPEG 2000 and JPEG-LS have a precision of their own, which pydicom uses.
    has_precision = dataset.file_meta.TransferSyntaxUID in (*JPEG2000TransferSyntaxes, *JPEGLSTransferSyntaxes)
    is_word = is_grey and "PixelData" in dataset and not has_precision
    stored = _decode(dataset, frame, limits, {"correct_unused_bits": False} if is_word else {})
    if not is_grey or stored.ndim != 2:
        return stored, None
    padding = pixel_padding(dataset)
    num_bits = int(dataset.get("BitsStored") or 0)
    is_padding = np.zeros(stored.shape, dtype=bool)
    if padding is not None:  # which may need more bits than are stored, or have no sign in the unused ones
        is_padding = padding.contains(stored, stored.dtype.itemsize * 8)
        if is_word:
            is_padding |= padding.contains(stored.view(f"u{stored.dtype.itemsize}"), num_bits)
        stored, is_padding = _filled(stored, is_padding)
    if is_word:
        overlay_bits = [dataset.get((group, _OVERLAY_BIT_POSITION)) for group in range(0x6000, 0x6020, 2)]
        has_overlay_bits = any(element is not None and element.value for element in overlay_bits)
        high_bit = int(dataset.get("HighBit") or 0)
        stored = stored_values(stored, num_bits, high_bit, has_overlay_bits=has_overlay_bits)
    if padding is not None:
        stored, is_padding = _filled(stored, is_padding | padding.contains(stored, num_bits))
    return stored, is_padding if is_padding.any() else None


def _filled(stored: np.ndarray, is_padding: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The stored values without padding, and where it was: nowhere where there is nothing else."""
    if is_padding.all() or not is_padding.any():
        return stored, np.zeros_like(is_padding)
    return without_padding(stored, is_padding), is_padding


def _decode(dataset: Dataset, frame: int, limits: Limits, options: dict[str, Any]) -> np.ndarray:
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        if syntax.is_encapsulated:
            if dataset.Rows * dataset.Columns > limits.frame_pixels:
                raise OverLimitError("too large to decode")
            content = _checked_frame(dataset, frame, limits)
            if syntax in _SEQUENTIAL:
                if dataset.SamplesPerPixel == 3:
                    dataset.PhotometricInterpretation = coded_color(content) or dataset.PhotometricInterpretation
                if with_whole_scan(content) != content:
                    dataset, frame = _with_one_frame(dataset, with_whole_scan(content)), 0
        elif "PixelData" in dataset and dataset["PixelData"].is_undefined_length:
            raise ImageError("its pixel data are compressed, but its transfer syntax says they are not")
        return pixel_array(dataset, index=frame, **options)
    except NotImplementedError:
        raise ImageError("its DICOM transfer syntax is not supported") from None
    except ValueError as error:
        is_cut = "less than expected" in str(error)
        raise ImageError("the file is truncated" if is_cut else "its pixel data are damaged") from None
    except (AttributeError, IndexError, EOFError, RuntimeError):
        raise ImageError("its pixel data are damaged") from None


def _checked_frame(dataset: Dataset, frame: int, limits: Limits) -> bytes:
    """A compressed frame. Raises ImageError where it would be larger than the file says."""
    extended = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    num_frames = int(dataset.get("NumberOfFrames") or 1)
    offsets = extended if all(extended) else None
    content = BoundedFile(BytesIO(dataset.PixelData), limits).frame(frame, num_frames, offsets)
    is_jpeg = dataset.file_meta.TransferSyntaxUID in JPEGTransferSyntaxes
    if is_jpeg and content and not content.startswith(_START_OF_IMAGE):
        raise ImageError("its pixel data are not JPEG, but its transfer syntax says they are")
    size = coded_size(content)
    if size is not None:  # else run lengths, or a coding that has no decoder here
        width, height, num_components = size
        if not (0 < width * height <= dataset.Rows * dataset.Columns and num_components <= _MAX_COMPONENTS):
            raise ImageError("its pixel data are damaged")
    return content


def _with_one_frame(dataset: Dataset, content: bytes) -> Dataset:
    other = Dataset()
    other.file_meta = dataset.file_meta
    for element in dataset.group_dataset(0x0028):
        other.add(element)
    other.NumberOfFrames, other.PixelData = 1, encapsulate([content])
    other.set_original_encoding(*dataset.original_encoding)
    return other
