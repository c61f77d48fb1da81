"""Reads PNG, JPEG and TIFF, through pillow."""

from contextlib import suppress
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from overread.errors import ImageError
from overread.images.decoded_image import MAX_PIXELS, DecodedImage, check_size
from overread.images.silence import silence_loggers

silence_loggers("PIL")

_FORMATS = ("PNG", "JPEG", "TIFF")
_PHOTOMETRIC_INTERPRETATION = 262  # TIFF 6.0, section 8; 0 is WhiteIsZero
_FIRST_ROWS = 8
"""Enough to recognise most colour images."""
_LARGE = 2**24
"""Pixels; the memory of smaller images does not matter."""
_DEEP_MODES = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")


def read_raster(file: BinaryIO, *, at_least_px: int | None = None) -> DecodedImage:
    """The first page of a file, upright as its EXIF orientation says; transparent parts are black.

    Grey of 16 or 32 bits keeps its depth, and is displayed over the range of its values: many such files hold 12 bits
    in 16. Raises ImageError.
    """
    try:
        image: Image.Image = Image.open(file, formats=_FORMATS)
        check_size(*image.size)
        if at_least_px is not None:
            image.draft(None, (2 * at_least_px, 2 * at_least_px))
        image.load()
        if at_least_px is not None and image.width * image.height > _LARGE and image.mode in ("L", "RGB"):
            image = _reduced(image, 8 * at_least_px)
    except UnidentifiedImageError:
        raise ImageError("the file is damaged: its beginning cannot be read") from None
    except Image.DecompressionBombError:
        raise ImageError(f"too large (over {MAX_PIXELS // 10**6} megapixels)") from None
    except (OSError, SyntaxError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk's, not pillow's
            raise
        is_cut = any(word in str(error).lower() for word in ("truncated", "not enough", "end of file"))
        raise ImageError("the file is truncated" if is_cut else "the file is damaged") from None
    _set_upright(image)
    if image.mode in _DEEP_MODES:
        return _deep(image)
    return DecodedImage(_grey_or_rgb(image))


def _reduced(image: Image.Image, at_least_px: int) -> Image.Image:
    """Reduced by a whole number, by averaging, before further copies are made of a large image."""
    reduced = image.reduce(max(min(image.size) // at_least_px, 1))
    with suppress(Exception):  # as in _set_upright, to which this is handed on
        reduced.info["exif"] = image.getexif().tobytes()
    return reduced


def _set_upright(image: Image.Image) -> None:
    # Broken EXIF says nothing about the pixels, and pillow raises nearly any exception for it.
    with suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)


def _deep(image: Image.Image) -> DecodedImage:
    pixels = np.asarray(image)
    is_white_zero = isinstance(image, TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC_INTERPRETATION) == 0
    if image.mode == "F":
        return DecodedImage(finite(pixels), voi_function="LINEAR_EXACT", is_inverted=is_white_zero)
    is_16_bit = pixels.min() >= 0 and pixels.max() < 2**16
    return DecodedImage(pixels.astype(np.uint16 if is_16_bit else np.int32, copy=False), is_inverted=is_white_zero)


def finite(pixels: np.ndarray) -> np.ndarray:
    """float32, with NaN and infinite values set to the lowest finite one. Raises ImageError if none is finite."""
    is_finite = np.isfinite(pixels)
    if not is_finite.any():
        raise ImageError("no pixel has a value")
    return np.where(is_finite, pixels, pixels[is_finite].min()).astype(np.float32)


def _grey_or_rgb(image: Image.Image) -> np.ndarray:
    """(H, W) or, where the channels differ anywhere, (H, W, 3) uint8."""
    image = _as_grey_or_rgb(image)
    width, height = image.size
    # Channel by channel from pillow's memory: a third of the time of copying all of it and comparing here.
    if image.mode == "RGB" and _equal_channels(image.crop((0, 0, width, min(height, _FIRST_ROWS)))):
        grey = _equal_channels(image)
        if grey:
            return np.frombuffer(grey, dtype=np.uint8).reshape(height, width)
    return np.asarray(image)


def _equal_channels(image: Image.Image) -> bytes | None:
    """The content of every channel of an RGB image; None if they differ."""
    red = image.tobytes("raw", "R")
    is_grey = red == image.tobytes("raw", "G") and red == image.tobytes("raw", "B")
    return red if is_grey else None


def _as_grey_or_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ("LA", "RGBA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image).convert("RGB")
    try:
        return image.convert("RGB")  # P, CMYK, YCbCr, HSV
    except ValueError:
        raise ImageError("its colour type is not supported") from None
