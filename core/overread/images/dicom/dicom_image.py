"""DICOM to pixels, through pydicom: the stored values, the modality LUT, and how the file asks to be displayed."""

import os
from collections.abc import Sequence
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSTransferSyntaxes,
)

from overread.errors import ImageError
from overread.images.decoded_image import DecodedImage, check_frame, check_size, one_channel_if_grey
from overread.images.dicom.codestream import coded_size, with_whole_scan
from overread.images.dicom.parse_limits import ORDINARY, Limits, OverLimitError
from overread.images.dicom.parser import BoundedFile, parse
from overread.images.dicom.single_frame import read_one_frame
from overread.images.dicom.stored_bits import stored_values
from overread.images.raster import finite
from overread.images.silence import silence_loggers

silence_loggers("pydicom", "pylibjpeg", "openjpeg", "libjpeg", "rle")

_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLORS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_SEQUENTIAL = (JPEGBaseline8Bit, JPEGExtended12Bit)
_VOI_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
_OVERLAY_BIT_POSITION = 0x0102
"""Of a group 60xx: not 0 where the overlay is in the unused bits of the pixels (PS3.5 8.1.2, retired)."""
_NEEDED_OF_FLOATS = ("SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated")
_NEEDED = (*_NEEDED_OF_FLOATS, "BitsStored", "PixelRepresentation")
_MAX_COMPONENTS = 4


def read_dicom(file: BinaryIO, *, frame_number: int | None = None, limits: Limits = ORDINARY) -> DecodedImage:
    """One frame of a file, counted from 1; without a number the middle one. Raises ImageError, OverLimitError."""
    dataset, place, frame = _read_frame(file, frame_number, limits)
    check_size(int(dataset.Columns), int(dataset.Rows))
    _check_description(dataset)
    interpretation = str(dataset.PhotometricInterpretation).strip().upper()
    stored = _decode(dataset, place, limits, is_grey=interpretation in _GREY)
    if stored.ndim == 3 and interpretation in _COLORS:
        return DecodedImage(one_channel_if_grey(_to_8_bits(stored, int(dataset.BitsStored))), is_dicom=True)
    if stored.ndim == 2 and interpretation == "PALETTE COLOR":
        return DecodedImage(one_channel_if_grey(_apply_palette(stored, dataset)), is_dicom=True)
    if stored.ndim == 2 and interpretation in _GREY:
        return _grey_image(stored, dataset, frame, is_inverted=interpretation == "MONOCHROME1")
    raise ImageError("its colour type is not supported")


def _read_frame(file: BinaryIO, frame_number: int | None, limits: Limits) -> tuple[Dataset, int, int]:
    """A data set with the frame, the frame's index in its pixel data, and its index in the file."""
    alone = read_one_frame(file, frame_number, limits)
    if alone is not None:
        return _checked(alone[0]), 0, alone[1]
    dataset = _read_dataset(file, limits)
    num_frames = max(int(dataset.get("NumberOfFrames") or 1), 1)
    if frame_number is not None:
        check_frame(frame_number, num_frames)
    frame = num_frames // 2 if frame_number is None else frame_number - 1
    return dataset, frame, frame


def _read_dataset(file: BinaryIO, limits: Limits) -> Dataset:
    """The whole file, with a transfer syntax: its own, or the one that pydicom assumed where it names none."""
    num_bytes = file.seek(0, os.SEEK_END)
    if num_bytes > limits.file_bytes:
        raise OverLimitError(f"too large (over {limits.file_bytes // 10**6} MB)")
    file.seek(0)
    return _checked(parse(BytesIO(file.read(num_bytes)), limits)[0])


def _checked(dataset: Dataset) -> Dataset:
    """With a transfer syntax. Raises ImageError where there is no image."""
    if len(dataset) == 0:  # what pydicom makes of a file that ends within an element
        raise ImageError("the file is truncated")
    if not (isinstance(dataset.get("Rows"), int) and isinstance(dataset.get("Columns"), int)):
        raise ImageError("a DICOM file without an image")
    if not any(dataset.get(name) for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise ImageError("a DICOM file without pixel data")
    if not dataset.file_meta.get("TransferSyntaxUID"):
        is_implicit, is_little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if is_implicit else explicit
    return dataset


def _check_description(dataset: Dataset) -> None:
    """Raise ImageError unless the file says how its pixels are stored (PS3.3 C.7.6.3)."""
    needed = _NEEDED if "PixelData" in dataset else _NEEDED_OF_FLOATS
    if any(dataset.get(name) is None for name in needed):
        raise ImageError("a DICOM file that does not say how its pixels are stored")
    if "PixelData" in dataset and not 1 <= dataset.BitsStored <= dataset.BitsAllocated:
        raise ImageError("the DICOM file stores more bits than it allocates, or none")


def _decode(dataset: Dataset, frame: int, limits: Limits, *, is_grey: bool) -> np.ndarray:
    """Stored values of one frame, (H, W), or (H, W, 3) with YBR turned into RGB."""
    syntax = dataset.file_meta.TransferSyntaxUID
    # JPEG 2000 and JPEG-LS have a precision of their own, which pydicom uses.
    is_word = is_grey and "PixelData" in dataset and syntax not in (*JPEG2000TransferSyntaxes, *JPEGLSTransferSyntaxes)
    options: dict[str, Any] = {"correct_unused_bits": False} if is_word else {}
    try:
        if not syntax.is_transfer_syntax:
            raise NotImplementedError
        if syntax.is_encapsulated:
            if dataset.Rows * dataset.Columns > limits.frame_pixels:
                raise OverLimitError("too large to decode")
            content = _checked_frame(dataset, frame, limits)
            if syntax in _SEQUENTIAL and with_whole_scan(content) != content:
                dataset, frame = _with_one_frame(dataset, with_whole_scan(content)), 0
        stored = pixel_array(dataset, index=frame, **options)
    except NotImplementedError:
        raise ImageError("its DICOM transfer syntax is not supported") from None
    except ValueError as error:
        is_cut = "less than expected" in str(error)
        raise ImageError("the file is truncated" if is_cut else "its pixel data are damaged") from None
    except (AttributeError, IndexError, EOFError, RuntimeError):
        raise ImageError("its pixel data are damaged") from None
    if not is_word:
        return stored
    overlay_bits = [dataset.get((group, _OVERLAY_BIT_POSITION)) for group in range(0x6000, 0x6020, 2)]
    has_overlay_bits = any(element is not None and element.value for element in overlay_bits)
    high_bit = int(dataset.get("HighBit") or 0)
    return stored_values(stored, dataset.BitsStored, high_bit, has_overlay_bits=has_overlay_bits)


def _checked_frame(dataset: Dataset, frame: int, limits: Limits) -> bytes:
    """A compressed frame. Raises ImageError where it would be larger than the file says."""
    extended = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    num_frames = int(dataset.get("NumberOfFrames") or 1)
    offsets = extended if all(extended) else None
    content = BoundedFile(BytesIO(dataset.PixelData), limits).frame(frame, num_frames, offsets)
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


def _grey_image(stored: np.ndarray, dataset: Dataset, frame: int, *, is_inverted: bool) -> DecodedImage:
    is_little = bool(dataset.original_encoding[1])
    values = _apply_modality(stored, _macro(dataset, frame, "PixelValueTransformationSequence"), is_little)
    voi = _macro(dataset, frame, "FrameVOILUTSequence")
    item = (voi.get("VOILUTSequence") or [Dataset()])[0]
    center: float | None
    width: float | None
    if "LUTDescriptor" in item and "LUTData" in item:
        table, bits = _lut(item.LUTDescriptor, item.LUTData, is_little)
        values = _look_up(values, table, item.LUTDescriptor)
        function, center, width = "LINEAR", 2.0 ** (bits - 1), 2.0**bits  # all that the table can give
    else:
        function, center, width = _first_window(voi)
    if not (values is stored and values.dtype == np.uint8 and dataset.BitsStored == 8):
        values = _to_deep(values)
    if center is None and values.dtype == np.float32:
        function = "LINEAR_EXACT"
    return DecodedImage(values, True, center, width, is_inverted, function)


def _to_deep(values: np.ndarray) -> np.ndarray:
    """The values as uint16, else int32, else float32: the first type that holds them."""
    if np.issubdtype(values.dtype, np.integer):
        low, high = int(values.min()), int(values.max())
        if low >= 0 and high < 2**16:
            return values.astype(np.uint16)
        if low >= -(2**31) and high < 2**31:
            return values.astype(np.int32)
    return finite(values)


def _macro(dataset: Dataset, frame: int, name: str) -> Dataset:
    """The data set that holds a module's attributes: in an enhanced multi-frame file in the frame's or the shared
    functional groups (PS3.3 C.7.6.16), else in the file's main data set."""
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    groups = [*per_frame[frame : frame + 1], *(dataset.get("SharedFunctionalGroupsSequence") or [])]
    for group in groups:
        if group.get(name):
            return group[name][0]
    return dataset


def _apply_modality(stored: np.ndarray, module: Dataset, is_little: bool) -> np.ndarray:
    """Stored values to modality values (PS3.3 C.11.1); `stored` itself where there is nothing to do."""
    if module.get("ModalityLUTSequence"):
        item = module.ModalityLUTSequence[0]
        table, _ = _lut(item.LUTDescriptor, item.LUTData, is_little)
        return _look_up(stored, table, item.LUTDescriptor)
    slope = float(module.get("RescaleSlope") or 1)  # 0 is not allowed, and would leave nothing to see
    intercept = float(module.get("RescaleIntercept") or 0)
    if slope == 1 and intercept == 0:
        return stored
    if slope.is_integer() and intercept.is_integer() and np.issubdtype(stored.dtype, np.integer):
        return stored.astype(np.int64) * int(slope) + int(intercept)
    return stored.astype(np.float64) * slope + intercept


def _first_window(module: Dataset) -> tuple[str, float | None, float | None]:
    """VOI LUT function, centre and width: the first ones; None where none are valid."""
    center, width = _first_number(module.get("WindowCenter")), _first_number(module.get("WindowWidth"))
    function = str(module.get("VOILUTFunction") or "LINEAR").strip().upper()
    if function not in _VOI_FUNCTIONS:
        function = "LINEAR"
    if center is None or width is None or width <= 0 or (function == "LINEAR" and width < 1):
        return "LINEAR", None, None
    return function, center, width


def _first_number(value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        number = float(value[0] if hasattr(value, "__len__") and not isinstance(value, str) else value)
    except (ValueError, TypeError, IndexError):
        return None
    return number if np.isfinite(number) else None


def _lut(descriptor: Sequence[int], data: Any, is_little: bool) -> tuple[np.ndarray, int]:
    """A lookup table (PS3.3 C.11.1.1, C.11.2.1.1, C.7.6.3.1.5): its entries as uint16, and their bits."""
    num_entries, bits = descriptor[0] or 2**16, descriptor[2]
    if isinstance(data, bytes):
        is_packed = len(data) < 2 * num_entries  # 8-bit entries may be packed two in a word
        table = np.frombuffer(data, dtype=np.uint8 if is_packed else np.dtype("<u2" if is_little else ">u2"))
    else:
        table = np.atleast_1d(np.asarray(data, dtype=np.uint16))
    if len(table) < num_entries:
        raise ImageError("its lookup table is truncated")
    table = table[:num_entries].astype(np.uint16)
    return table, max(bits, int(table.max()).bit_length())


def _look_up(values: np.ndarray, table: np.ndarray, descriptor: Sequence[int]) -> np.ndarray:
    """The entry of each value; values outside of the table get its first or last entry."""
    first = descriptor[1]
    if first >= 2**15 and values.min() < 0:  # a signed number that was written as unsigned
        first -= 2**16
    return table[np.clip(np.rint(values).astype(np.int64) - first, 0, len(table) - 1)]


def _apply_palette(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Palette indices to (H, W, 3) uint8."""
    if "RedPaletteColorLookupTableData" not in dataset:  # segmented: pydicom alone knows how to expand it
        colors = apply_color_lut(stored, dataset)[..., :3]
        return _to_8_bits(colors, colors.dtype.itemsize * 8)
    channels = []
    for color in ("Red", "Green", "Blue"):
        descriptor = dataset[f"{color}PaletteColorLookupTableDescriptor"].value
        data = dataset[f"{color}PaletteColorLookupTableData"].value
        table, bits = _lut(descriptor, data, bool(dataset.original_encoding[1]))
        channels.append(_to_8_bits(_look_up(stored, table, descriptor), bits))
    return np.stack(channels, axis=-1)


def _to_8_bits(colors: np.ndarray, bits: int) -> np.ndarray:
    return (colors >> max(bits - 8, 0)).astype(np.uint8)
