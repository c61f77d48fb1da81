"""Reads the headers of image files without decoding pixels: size, depth, format, and the names of metadata entries.

No values of metadata but two: whether the file says that its pixels hold burned-in text, and their photometric
interpretation.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from overread.images import guarded
from overread.images.dicom.parse_limits import ODD, ORDINARY, Limits, OverLimitError
from overread.images.location import Location
from overread.images.raster import FORMATS, has_16_bit_color, is_tiff
from overread.images.remote_listing import look_up
from overread.images.silence import silence, silence_loggers
from overread.images.tiff_tags import read_tiff_tags

_MODES = {"1": (1, 1), "L": (1, 8), "P": (3, 8), "LA": (2, 8), "RGB": (3, 8), "RGBA": (4, 8), "CMYK": (4, 8)}
_MODES |= {"LAB": (3, 8), "I;16": (1, 16), "I;16B": (1, 16), "I": (1, 32), "F": (1, 32)}
"""Pillow's modes as channels and bits of each."""
_PHOTOMETRIC = (
    *("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB"),
    *("YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT"),
)
_ORIENTATION, _IS_TURNED = 0x0112, (5, 6, 7, 8)
"""The EXIF tag (EXIF 2.3, 4.6.4), and its values for pixels that are stored on their side."""
_FIRST_BYTES = 2**17
"""Nearly every file's header is within these."""


@dataclass(frozen=True, slots=True)
class FileHeader:
    """The header of one file; zeros and empty text where it does not say."""

    num_bytes: int = 0
    format: str = ""
    """DICOM, or one of `raster.FORMATS`."""
    width_px: int = 0
    height_px: int = 0
    """Both as the image is displayed: upright, with square pixels."""
    channels: int = 0
    bits: int = 0
    """Of one channel, as stored."""
    entries: frozenset[str] = frozenset()
    """Names of the metadata entries; in DICOM the keywords of those with a value."""
    burned_in: str = ""
    """DICOM's BurnedInAnnotation: YES or NO; empty where the file has none (PS3.3 C.7.6.1.1)."""
    photometric: str = ""
    """DICOM's PhotometricInterpretation (PS3.3 C.7.6.3.1.2); empty where it is not one of the standard's."""


def read_headers(locations: Sequence[Location]) -> list[FileHeader]:
    """The header of every image's file, in their order; an empty one where the file cannot be read.

    Several threads read them, each file once, and only the beginning of a remote one.
    """
    files = {location.place: location for location in locations}
    found = look_up([place for place, location in files.items() if location.is_remote])

    def read(location: Location) -> FileHeader:
        is_remote = location.is_remote
        return _read_header(location, found[location.place].num_bytes if is_remote else location.stamp()[0])

    with ThreadPoolExecutor(min(4 * (os.cpu_count() or 1), 32)) as executor:
        headers = dict(zip(files, executor.map(read, files.values()), strict=True))
    return [headers[location.place] for location in locations]


def _read_header(location: Location, num_bytes: int, limits: Limits = ORDINARY) -> FileHeader:
    try:
        with location.open(first_bytes=_FIRST_BYTES) as file:
            try:
                with silence():
                    is_dicom = file.read(132)[128:] == b"DICM"
                    file.seek(0)
                    return _read_dicom(file, num_bytes, limits) if is_dicom else _read_raster(file, num_bytes)
            except OverLimitError:
                if limits != ORDINARY:
                    raise
                return guarded.call(
                    partial(_read_header, Location(str(file.name)), num_bytes, ODD), num_bytes=num_bytes
                )
    except Exception:  # damaged files make the decoders raise nearly anything
        return FileHeader()


def _read_raster(file: BinaryIO, num_bytes: int) -> FileHeader:
    tags = read_tiff_tags(file) if is_tiff(file) else None
    try:
        image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError:
        if tags is None:
            raise
        return FileHeader(num_bytes, "TIFF", tags.width_px, tags.height_px, tags.channels, max(tags.bits))
    with image:
        channels, bits = _MODES.get(image.mode, (0, 0))
        if tags is not None:
            bits = max(tags.bits)
        elif has_16_bit_color(image, tags):
            bits = 16
        entries = frozenset(str(name) for name in image.info)
        size = image.size[::-1] if _is_turned(image) else image.size
        return FileHeader(num_bytes, str(image.format), *size, channels, bits, entries)


def _is_turned(image: Image.Image) -> bool:
    """Whether width and height change places when the image is set upright; pillow does that for TIFF."""
    if image.format == "TIFF":
        return False
    with suppress(Exception):  # broken EXIF: it is not turned either
        # Not PNG's own method, which decodes the pixels to find what follows them.
        return Image.Image.getexif(image).get(_ORIENTATION) in _IS_TURNED
    return False


def _read_dicom(file: BinaryIO, num_bytes: int, limits: Limits) -> FileHeader:
    from overread.images.dicom.parser import before_pixels, parse
    from overread.images.dicom.pixel_aspect import displayed_size

    silence_loggers("pydicom")
    dataset, _ = parse(file, limits, stop_when=before_pixels)
    entries = frozenset(element.keyword for element in dataset if element.keyword and not element.is_empty)
    burned_in = str(dataset.get("BurnedInAnnotation") or "").strip().upper()
    photometric = str(dataset.get("PhotometricInterpretation") or "").strip().upper()
    return FileHeader(
        num_bytes,
        "DICOM",
        *displayed_size(dataset),
        int(dataset.get("SamplesPerPixel") or 1),
        int(dataset.get("BitsStored") or 0),
        entries,
        burned_in if burned_in in ("YES", "NO") else "",
        photometric if photometric in _PHOTOMETRIC else "",
    )
