"""Reads still pictures, through pillow: PNG, JPEG, TIFF, BMP, PGM and PPM, JPEG 2000, WebP, GIF and AVIF."""

from contextlib import suppress
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from overread.errors import ImageError
from overread.images.decoded_image import MAX_PIXELS, DecodedImage, check_size
from overread.images.deep_raster import as_8_bits, read_deep
from overread.images.file_kinds import WHOLE_SLIDE
from overread.images.silence import silence_loggers
from overread.images.tiff_tags import FLOAT, RGB, SIGNED, UNSIGNED, TiffTags, read_tiff_tags
from overread.images.tiff_tags import SIGNATURES as TIFF_SIGNATURES
from overread.images.unread_picture import DAMAGED, reason_for, unread_compression

silence_loggers("PIL")

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "PPM", "JPEG2000", "WEBP", "GIF", "AVIF")
"""The only plugins of pillow that run: some others start programs (EPS), or decode what nobody labels."""
_SIGNATURES = (
    *(b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", *TIFF_SIGNATURES, b"GIF87a", b"GIF89a"),
    *(b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n"),
    *(b"P%d%c" % (number, blank) for number in range(1, 7) for blank in b" \t\r\n#"),
    *(b"Pf\n", b"Pf\r"),
)
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
MORE_PAGES = "the file holds several pages, of which the first is used"
MORE_FRAMES = "the file holds several frames, of which the first is used"
MORE_CHANNELS = "the file holds two channels, of which the first is used"
_FIRST_ROWS = 8
"""Enough to recognise most colour images."""
_LARGE = 2**24
"""Pixels; the memory of smaller images does not matter."""
_DEEP_MODES = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")
_PNG_COLOR_16 = ("RGB;16B", "RGBA;16B")
"""Pillow's raw modes."""


def is_raster(head: bytes) -> bool:
    """Whether a file that begins with these bytes (18 are enough) is one of FORMATS."""
    is_webp = head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    # A table may begin with BM as well: the size of the second header follows.
    is_bmp = head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS
    return is_webp or is_bmp or head[4:8] == b"ftyp" or head.startswith(_SIGNATURES)


def read_raster(file: BinaryIO, *, at_least_px: int | None = None) -> DecodedImage:
    """The first page or frame of a file, upright as its EXIF orientation says; transparent parts are black.

    Grey of 16 or more bits keeps its depth, and is displayed over the range of its values: many such files hold 12 bits
    in 16. Colour of 16 bits becomes 8 by the bits that its values need. Raises ImageError.
    """
    tags = read_tiff_tags(file) if is_tiff(file) else None
    if tags and (tags.is_slide or (tags.is_tiled and tags.width_px * tags.height_px > MAX_PIXELS)):
        raise ImageError(str(WHOLE_SLIDE))
    try:
        image: Image.Image = Image.open(file, formats=FORMATS)
        check_size(*image.size)
        notes = _notes(image, tags)
        if has_16_bit_color(image, tags):
            return _deep_color(file, image, notes)
        if at_least_px is not None:
            image.draft(None, (2 * at_least_px, 2 * at_least_px))
        image.load()
        if at_least_px is not None and image.width * image.height > _LARGE and image.mode in ("L", "RGB"):
            image = _reduced(image, 8 * at_least_px)
    except UnidentifiedImageError as error:
        if tags is not None:
            return _unknown_to_pillow(file, tags)
        reason = reason_for(file, error)
        raise ImageError("its beginning cannot be read" if reason == DAMAGED else reason) from None
    except Image.DecompressionBombError:
        raise ImageError(f"too large (over {MAX_PIXELS // 10**6} megapixels)") from None
    except (OSError, SyntaxError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk's, not pillow's
            raise
        raise ImageError(reason_for(file, error, tags)) from None
    _set_upright(image)
    if image.mode == "L" and tags is not None and tags.sample_format == SIGNED:
        return DecodedImage(np.asarray(image).view(np.int8).astype(np.int32), notes=notes)
    if image.mode in _DEEP_MODES:
        return _deep(image, tags, notes)
    return DecodedImage(_grey_or_rgb(image), notes=notes)


def is_tiff(file: BinaryIO) -> bool:
    """By the first bytes of a file at its beginning, where it stays."""
    head = file.read(4)
    file.seek(0)
    return head in TIFF_SIGNATURES


def _notes(image: Image.Image, tags: TiffTags | None) -> tuple[str, ...]:
    if tags is not None:
        if tags.num_pages > 1:
            return (MORE_PAGES,)
        return (MORE_CHANNELS,) if tags.channels == 2 and image.mode != "LA" else ()
    num_frames = 1
    with suppress(Exception):  # a later frame may be damaged
        num_frames = int(getattr(image, "n_frames", 1))
    # A JPEG's further pictures (MPO) are previews, depth and gain maps of the first one.
    return (MORE_FRAMES,) if num_frames > 1 and image.format != "MPO" else ()


def has_16_bit_color(image: Image.Image, tags: TiffTags | None) -> bool:
    """Whether the file holds colour of 16 bits a channel, of which pillow keeps the upper 8."""
    if tags is not None:
        return tags.photometric == RGB and tags.channels in (3, 4) and set(tags.bits) == {16}
    return image.format == "PNG" and any(tile.args in _PNG_COLOR_16 for tile in getattr(image, "tile", ()))


def _deep_color(file: BinaryIO, image: Image.Image, notes: tuple[str, ...]) -> DecodedImage:
    exif = image.info.get("exif")
    file.seek(0)
    shown = Image.fromarray(as_8_bits(read_deep(file)))
    if image.format == "PNG" and exif:
        shown.info["exif"] = exif
        _set_upright(shown)
    return DecodedImage(_grey_or_rgb(shown), notes=notes)


def _unknown_to_pillow(file: BinaryIO, tags: TiffTags) -> DecodedImage:
    """A TIFF of real numbers of 64 bits. Raises ImageError for any other."""
    check_size(tags.width_px, tags.height_px)
    if tags.sample_format == FLOAT and tags.channels == 1 and tags.bits == (64,):
        file.seek(0)
        notes = (MORE_PAGES,) if tags.num_pages > 1 else ()
        return DecodedImage(finite(read_deep(file)), voi_function="LINEAR_EXACT", notes=notes)
    if kind := unread_compression(tags):
        raise ImageError(kind)
    channels = "1 channel" if tags.channels == 1 else f"{tags.channels} channels"
    raise ImageError(
        f"a TIFF of {channels} with {max(tags.bits, default=0)} bits each, which is not read: "
        "save it as 8-bit RGB or 16-bit grey"
    )


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


def _deep(image: Image.Image, tags: TiffTags | None, notes: tuple[str, ...]) -> DecodedImage:
    pixels = np.asarray(image)
    is_white_zero = tags is not None and tags.photometric == 0
    if image.mode == "F":
        return DecodedImage(finite(pixels), voi_function="LINEAR_EXACT", is_inverted=is_white_zero, notes=notes)
    if pixels.min() < 0 and tags is not None and tags.sample_format == UNSIGNED:
        # 32 bits, which pillow takes for signed ones
        pixels = pixels.view(np.uint32).astype(np.float32)
        return DecodedImage(pixels, voi_function="LINEAR_EXACT", is_inverted=is_white_zero, notes=notes)
    is_16_bit = pixels.min() >= 0 and pixels.max() < 2**16
    pixels = pixels.astype(np.uint16 if is_16_bit else np.int32, copy=False)
    return DecodedImage(pixels, is_inverted=is_white_zero, notes=notes)


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
    if image.mode == "LAB":
        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        ImageCms.buildTransform(*profiles, "LAB", "RGB").apply(image, converted := Image.new("RGB", image.size))
        return converted
    try:
        return image.convert("RGB")  # P, CMYK, YCbCr, HSV
    except ValueError:
        raise ImageError("its colour type is not supported") from None
