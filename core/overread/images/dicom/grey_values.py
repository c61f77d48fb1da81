"""Stored grey values to what is displayed: the modality LUT, then a VOI LUT or a window."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import XRayAngiographicImageStorage, XRayRadiofluoroscopicImageStorage

from overread.images.decoded_image import DecodedImage, window_to_uint8
from overread.images.dicom.header_values import functional_group, number_or, numbers
from overread.images.dicom.lookup_table import first_table
from overread.images.dicom.pixel_padding import without_padding
from overread.images.raster import finite

_VOI_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
_MIN_LEVELS = 4
"""Grey levels of 256: a window that leaves fewer between the lowest and the highest value shows nothing."""
_MAX_WINDOWS = 100
_SHOWN_AS_STORED = (
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
    "1.2.840.10008.5.1.4.1.1.12.3",  # biplane, retired
)
"""Their modality LUT gives the beam's intensity, for measurements; it is no step of the display (PS3.3 C.8.7.1.1.2)."""
NOTHING_SHOWS = "no window of the file shows anything; displayed over the full range"


def grey_image(
    stored: np.ndarray, is_padding: np.ndarray | None, dataset: Dataset, frame: int, *, is_inverted: bool
) -> DecodedImage:
    """stored: (H, W), is_padding: (H, W) bool; the frame is counted from 0. Raises ImageError."""
    if is_padding is not None:
        stored = without_padding(stored, is_padding)
    is_little = bool(dataset.original_encoding[1])
    values = stored
    if dataset.get("SOPClassUID") not in _SHOWN_AS_STORED:
        module = functional_group(dataset, frame, "PixelValueTransformationSequence")
        values = _apply_modality(stored, module, is_little=is_little)
    if not (values is stored and values.dtype == np.uint8 and dataset.BitsStored == 8):
        values = _to_deep(values)
    function = "LINEAR_EXACT" if values.dtype == np.float32 else "LINEAR"
    image = DecodedImage(values, True, None, None, is_inverted, function, is_padding)
    is_flat = bool(values.min() == values.max())
    notes: tuple[str, ...] = ()
    for shown in _as_asked(image, functional_group(dataset, frame, "FrameVOILUTSequence"), is_little=is_little):
        if is_flat or _shows(shown):
            return shown
        notes = (NOTHING_SHOWS,)
    return replace(image, notes=notes)


def _apply_modality(stored: np.ndarray, module: Dataset, *, is_little: bool) -> np.ndarray:
    """Stored values to modality values (PS3.3 C.11.1); `stored` itself where there is nothing to do."""
    table = first_table(module, "ModalityLUTSequence", is_little=is_little)
    if table is not None:
        return table.look_up(stored)
    slope = number_or(1.0, module, "RescaleSlope") or 1.0  # 0 is not allowed, and would leave nothing to see
    intercept = number_or(0.0, module, "RescaleIntercept")
    if slope == 1 and intercept == 0:
        return stored
    is_whole = slope.is_integer() and intercept.is_integer() and max(abs(slope), abs(intercept)) < 2**31
    if is_whole and np.issubdtype(stored.dtype, np.integer):
        return stored.astype(np.int64) * int(slope) + int(intercept)
    return stored.astype(np.float64) * slope + intercept


def _to_deep(values: np.ndarray) -> np.ndarray:
    """The values as uint16, else int32, else float32: the first type that holds them."""
    if np.issubdtype(values.dtype, np.integer):
        low, high = int(values.min()), int(values.max())
        if low >= 0 and high < 2**16:
            return values.astype(np.uint16)
        if low >= -(2**31) and high < 2**31:
            return values.astype(np.int32)
    return finite(values)


def _as_asked(image: DecodedImage, module: Dataset, *, is_little: bool) -> Iterator[DecodedImage]:
    """The image as the file asks to display it, in each way that it gives: its first VOI LUT, and its windows."""
    table = first_table(module, "VOILUTSequence", is_little=is_little)
    if table is not None:
        whole = 2.0**table.bits  # all that the table can give
        pixels = table.look_up(image.pixels)
        yield replace(image, pixels=pixels, window_center=whole / 2, window_width=whole, voi_function="LINEAR")
    function = str(module.get("VOILUTFunction") or "LINEAR").strip().upper()
    if function not in _VOI_FUNCTIONS:
        function = "LINEAR"
    named = zip(numbers(module.get("WindowCenter")), numbers(module.get("WindowWidth")), strict=False)
    windows = tuple(
        (center, width)
        for center, width in islice(named, _MAX_WINDOWS)
        if center is not None and width is not None and width > 0 and (width >= 1 or function != "LINEAR")
    )
    image = replace(image, windows=windows if len(windows) > 1 else (), voi_function=function)
    for center, width in windows:
        yield replace(image, window_center=center, window_width=width)


def _shows(image: DecodedImage) -> bool:
    """Whether the window tells the lowest from the highest value."""
    ends = np.array([image.pixels.min(), image.pixels.max()])
    black, white = window_to_uint8(ends, image).astype(int)
    return bool(white - black >= _MIN_LEVELS)
