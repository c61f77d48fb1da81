"""Images for the browser: at full resolution and full bit depth, with what is needed to display them."""

import gzip
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from overread.images.decoded_image import DecodedImage
from overread.images.decoding import read_image
from overread.images.location import Location

NUM_KEPT = 16
"""Encoded images in memory, over all sessions; a radiograph of 2,000 x 2,000 takes some 6 MB."""


@dataclass(frozen=True)
class EncodedImage:
    """An image for the browser: gzipped values, and what is needed to display them."""

    content: bytes
    width: int
    height: int
    channels: int
    type: str
    """uint8 or uint16; little-endian. A value is code * scale + offset."""
    scale: float
    offset: float
    minimum: int
    """Codes lie between minimum and maximum, both included; that of padding is maximum + 1."""
    maximum: int
    center: float
    window: float
    voi: str
    is_inverted: bool
    is_dicom: bool
    windows: tuple[tuple[float, float], ...] = ()
    """Centre and width of each window that the file offers, where there are several."""
    modality: str = ""
    spacing_mm: tuple[float, float] | None = None
    """From row to row and from column to column; None where the file does not say."""
    is_at_detector: bool = False
    """The spacing is that on the detector of a projection."""


def encode(image: DecodedImage) -> EncodedImage:
    """The image without loss, and its initial window."""
    if image.pixels.dtype == np.uint8 and image.is_padding is None:
        codes, scale, offset, minimum, maximum = image.pixels, 1.0, 0.0, 0, 255
    else:
        codes, scale, offset = image.codes()
        minimum, maximum = int(codes.min()), int(codes.max()) - (image.is_padding is not None)
    center, window = image.window()
    return EncodedImage(
        # Without a timestamp, so that the same image has the same address.
        content=gzip.compress(codes.astype(codes.dtype.newbyteorder("<")).tobytes(), compresslevel=1, mtime=0),
        width=codes.shape[1],
        height=codes.shape[0],
        channels=3 if image.is_color else 1,
        type=codes.dtype.name,
        scale=scale,
        offset=offset,
        minimum=minimum,
        maximum=maximum,
        center=float(center),
        window=float(window),
        voi=image.voi_function,
        is_inverted=image.is_inverted,
        is_dicom=image.is_dicom,
        windows=image.windows,
        modality=image.modality,
        spacing_mm=None if image.spacing is None else (image.spacing.row_mm, image.spacing.column_mm),
        is_at_detector=image.spacing is not None and image.spacing.is_at_detector,
    )


def encoded_image(location: Location) -> EncodedImage:
    """An image, decoded once and cached; a local file that has changed is read again. Raises ImageError."""
    return _encoded(location, location.stamp())


@lru_cache(maxsize=NUM_KEPT)
def _encoded(location: Location, _stamp: tuple[int, int]) -> EncodedImage:
    return encode(read_image(location))
