"""Pixels that are not square: a DICOM image is stretched along the axis on which they are longer."""

from dataclasses import replace
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from overread.images.decoded_image import DecodedImage, PixelSpacing
from overread.images.dicom.header_values import functional_group, numbers

_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")
"""PixelAspectRatio is only for files without a spacing (PS3.3 C.7.6.3.1.7). All are vertical, then horizontal."""
_SQUARE = 0.01
"""Spacings differ by as much from being rounded."""
_MAX_RATIO = 100.0
"""No image has such pixels: the file is wrong, and its pixels are shown as square."""
_STRIP_ROWS = 64


def displayed_size(dataset: Dataset, frame: int = 0) -> tuple[int, int]:
    """Width and height in px of a frame, counted from 0, with square pixels."""
    width, height = int(dataset.Columns), int(dataset.Rows)
    ratio = _height_of_a_pixel(dataset, frame)
    return (width, round(height * ratio)) if ratio >= 1 else (round(width / ratio), height)


def displayed_spacing(dataset: Dataset, frame: int = 0) -> PixelSpacing | None:
    """Of a frame, counted from 0, at its displayed size; None where the file does not say."""
    module = functional_group(dataset, frame, "PixelMeasuresSequence")
    at_detector = _pair(dataset.get("ImagerPixelSpacing"))
    in_patient = _pair(module.get("PixelSpacing"))
    # A projection's PixelSpacing that repeats the detector's is not calibrated (PS3.3 10.7.1.3).
    row_mm, column_mm = in_patient or at_detector or (0.0, 0.0)
    if not row_mm:
        return None
    width, height = displayed_size(dataset, frame)
    return PixelSpacing(
        row_mm=row_mm * int(dataset.Rows) / height,
        column_mm=column_mm * int(dataset.Columns) / width,
        is_at_detector=in_patient in (None, at_detector),
    )


def stretch(image: DecodedImage, width_px: int, height_px: int) -> DecodedImage:
    """The image at a size that is no smaller on either axis, interpolated linearly, its type of pixels kept.

    Padding is not mixed with other pixels: where one of two neighbours is padding, the nearer one counts.
    """
    pixels, is_padding = image.pixels, image.is_padding
    if height_px != pixels.shape[0]:
        pixels, is_padding = _stretch_rows(pixels, is_padding, height_px)
    if width_px != pixels.shape[1]:
        turned = None if is_padding is None else is_padding.T
        pixels, turned = _stretch_rows(pixels.swapaxes(0, 1), turned, width_px)
        pixels, is_padding = np.ascontiguousarray(pixels.swapaxes(0, 1)), None if turned is None else turned.T
    return replace(image, pixels=pixels, is_padding=is_padding)


def _height_of_a_pixel(dataset: Dataset, frame: int) -> float:
    """In widths of a pixel; 1 where the file does not say, or says what cannot be."""
    for keyword in _SPACINGS:
        module = functional_group(dataset, frame, "PixelMeasuresSequence") if keyword == "PixelSpacing" else dataset
        spacing = _pair(module.get(keyword))
        if spacing:
            ratio = spacing[0] / spacing[1]
            return ratio if abs(ratio - 1) > _SQUARE and 1 / _MAX_RATIO <= ratio <= _MAX_RATIO else 1.0
    return 1.0


def _pair(value: Any) -> tuple[float, float] | None:
    """Two positive numbers; None for anything else."""
    match numbers(value):
        case (float(first), float(second)) if min(first, second) > 0:
            return first, second
    return None


def _stretch_rows(
    pixels: np.ndarray, is_padding: np.ndarray | None, num_rows: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """pixels: (H, W) or (H, W, 3), is_padding: (H, W); both with that many rows."""
    places = np.clip((np.arange(num_rows) + 0.5) * len(pixels) / num_rows - 0.5, 0, len(pixels) - 1)
    above = places.astype(np.int64)
    below = np.minimum(above + 1, len(pixels) - 1)
    nearest = np.rint(places).astype(np.int64)
    shares = (places - above).reshape(-1, *[1] * (pixels.ndim - 1))
    stretched = np.empty((num_rows, *pixels.shape[1:]), dtype=pixels.dtype)
    for start in range(0, num_rows, _STRIP_ROWS):
        rows = slice(start, start + _STRIP_ROWS)
        mixed = pixels[above[rows]] * (1 - shares[rows]) + pixels[below[rows]] * shares[rows]
        if np.issubdtype(pixels.dtype, np.integer):
            mixed = np.rint(mixed)
        if is_padding is not None:
            mixed = np.where(is_padding[above[rows]] == is_padding[below[rows]], mixed, pixels[nearest[rows]])
        stretched[rows] = mixed
    return stretched, None if is_padding is None else is_padding[nearest]
