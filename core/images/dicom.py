"""DICOM to pixels, through pydicom: the stored values, the modality LUT, and how the file asks to be shown."""

from typing import Any, BinaryIO

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.pixels import apply_color_lut, pixel_array
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from core.errors import ImageError
from core.images.picture import Picture, check_size
from core.images.raster import finite
from core.images.silence import silence_loggers

silence_loggers("pydicom", "pylibjpeg", "openjpeg", "libjpeg", "rle")

_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLORS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_VOI_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


def read_dicom(file: BinaryIO) -> Picture:
    """One frame of a file: of several, the middle one. Raises ImageError."""
    header = _read_header(file)
    check_size(int(header.Columns), int(header.Rows))
    frame = max(int(header.get("NumberOfFrames") or 1), 1) // 2
    stored = _read_frame(file, header, frame)
    interpretation = str(header.get("PhotometricInterpretation", "MONOCHROME2")).strip().upper()
    if stored.ndim == 3:
        if interpretation not in _COLORS:
            raise ImageError("its kind of colour is not supported")
        return Picture(_to_8_bits(stored, int(header.BitsStored)), is_dicom=True)
    if interpretation == "PALETTE COLOR":
        return Picture(_apply_palette(stored, header), is_dicom=True)
    if interpretation not in _GREY:
        raise ImageError("its kind of colour is not supported")
    return _grey_picture(stored, header, frame, is_inverted=interpretation == "MONOCHROME1")


def _read_header(file: BinaryIO) -> Dataset:
    try:
        header = dcmread(file, stop_before_pixels=True, force=True)
    except InvalidDicomError:
        raise ImageError("not an image") from None
    if "Rows" not in header or "Columns" not in header:
        raise ImageError("a DICOM file without an image")
    return header


def _read_frame(file: BinaryIO, header: Dataset, frame: int) -> np.ndarray:
    """Stored values of one frame, (H, W), or (H, W, 3) with YBR turned into RGB."""
    syntax = _transfer_syntax(header)
    if syntax == DeflatedExplicitVRLittleEndian:  # pixel_array inflates a data set, not a file
        file.seek(0)
        source: Any = dcmread(file)
    else:
        source = file
    try:
        if source is file:
            return pixel_array(file, index=frame, transfer_syntax_uid=syntax)
        return pixel_array(source, index=frame)
    except NotImplementedError:
        raise ImageError("its DICOM transfer syntax is not supported") from None
    except AttributeError:
        raise ImageError("a DICOM file without pixel data") from None
    except (ValueError, IndexError, EOFError, RuntimeError):
        raise ImageError("its pixel data are damaged or cut short") from None


def _transfer_syntax(header: Dataset) -> UID:
    """The file's own, or what pydicom took the data set for where the file names none."""
    named = header.file_meta.get("TransferSyntaxUID")
    if named:
        return UID(named)
    is_implicit, is_little = header.original_encoding
    if is_implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if is_little else ExplicitVRBigEndian


def _grey_picture(stored: np.ndarray, header: Dataset, frame: int, *, is_inverted: bool) -> Picture:
    values, is_rescaled = _apply_modality(stored, _macro(header, frame, "PixelValueTransformationSequence"))
    voi = _macro(header, frame, "FrameVOILUTSequence")
    function, center, width = "LINEAR", None, None
    if voi.get("VOILUTSequence"):
        values, bits = _apply_lut(values, voi.VOILUTSequence[0], header)
        center, width = 2.0 ** (bits - 1), 2.0**bits
    else:
        function, center, width = _first_window(voi)
    is_whole_8_bit = values.dtype == np.uint8 and not is_rescaled and int(header.get("BitsStored", 8)) == 8
    if not np.issubdtype(values.dtype, np.integer):
        values = finite(values)
        function = "LINEAR_EXACT" if center is None else function
    elif not is_whole_8_bit:
        is_16_bit = values.min() >= 0 and values.max() < 2**16
        values = values.astype(np.uint16 if is_16_bit else np.int32)
    return Picture(values, True, center, width, is_inverted, function)


def _macro(header: Dataset, frame: int, name: str) -> Dataset:
    """Where a module's attributes stand: in an enhanced multi-frame file in the frame's or the shared
    functional groups (PS3.3 C.7.6.16), else in the file's main data set."""
    per_frame = header.get("PerFrameFunctionalGroupsSequence") or []
    groups = [*per_frame[frame : frame + 1], *(header.get("SharedFunctionalGroupsSequence") or [])]
    for group in groups:
        if group.get(name):
            return group[name][0]
    return header


def _apply_modality(stored: np.ndarray, module: Dataset) -> tuple[np.ndarray, bool]:
    """Stored values to modality values (PS3.3 C.11.1), and whether anything changed."""
    if module.get("ModalityLUTSequence"):
        return _apply_lut(stored, module.ModalityLUTSequence[0], module)[0], True
    slope = float(module.get("RescaleSlope") or 1)  # 0 is not allowed, and would leave nothing to see
    intercept = float(module.get("RescaleIntercept") or 0)
    if slope == 1 and intercept == 0:
        return stored, False
    is_whole = slope.is_integer() and intercept.is_integer() and np.issubdtype(stored.dtype, np.integer)
    if is_whole:
        values = stored.astype(np.int64) * int(slope) + int(intercept)
        if abs(values).max() < 2**31:
            return values, True
    return stored.astype(np.float64) * slope + intercept, True


def _first_window(module: Dataset) -> tuple[str, float | None, float | None]:
    """VOI LUT function, centre and width; the first of several, None where there is none that is valid."""
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


def _apply_lut(values: np.ndarray, item: Dataset, header: Dataset) -> tuple[np.ndarray, int]:
    """A modality or VOI lookup table (PS3.3 C.11.1.1 and C.11.2.1.1): the table's values and their bits."""
    num_entries, first, bits = (int(number) for number in item.LUTDescriptor)
    num_entries = num_entries or 2**16
    if first >= 2**15 and values.min() < 0:  # a signed number that was written as unsigned
        first -= 2**16
    data = item.LUTData
    if isinstance(data, bytes):
        order = "<" if header.original_encoding[1] is not False else ">"
        table = np.frombuffer(data, dtype="u1" if len(data) < 2 * num_entries else f"{order}u2")
    else:
        table = np.asarray(data, dtype=np.uint16)
    table = table[:num_entries].astype(np.uint16)
    if len(table) == 0:
        raise ImageError("its lookup table is empty")
    positions = np.clip(values.astype(np.int64) - first, 0, len(table) - 1)
    return table[positions], max(bits, int(table.max()).bit_length())


def _apply_palette(stored: np.ndarray, header: Dataset) -> np.ndarray:
    """Palette indices to (H, W, 3) uint8."""
    num_entries, _, bits = header.RedPaletteColorLookupTableDescriptor
    if bits == 8 and (num_entries or 2**16) > 256:  # apply_color_lut keeps indices in the type of the colours
        raise ImageError("its kind of palette is not supported")
    colors = apply_color_lut(stored, header)[..., :3]
    return _to_8_bits(colors, colors.dtype.itemsize * 8)


def _to_8_bits(colors: np.ndarray, bits: int) -> np.ndarray:
    return (colors >> (bits - 8)).astype(np.uint8) if bits > 8 else colors.astype(np.uint8)
