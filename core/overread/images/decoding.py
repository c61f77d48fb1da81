"""Reads image files, DICOM and the usual pictures, recognised by their content."""

import os
import threading
from functools import partial
from pathlib import Path
from typing import BinaryIO

from overread.errors import ImageError
from overread.images import guarded
from overread.images.decoded_image import DecodedImage, check_frame
from overread.images.dicom.parse_limits import ODD, ORDINARY, Limits, OverLimitError
from overread.images.file_kinds import HEAD_BYTES, kind_of
from overread.images.location import Location
from overread.images.raster import is_raster, read_raster
from overread.images.silence import silence


def read_image(
    image: Location | Path,
    *,
    at_least_px: int | None = None,
    limits: Limits = ORDINARY,
    stop: threading.Event | None = None,
) -> DecodedImage:
    """Read a DICOM file or a picture (`raster.FORMATS`), recognised by its content. Safe in threads.

    image: where it is, and of a DICOM file which frame. Any other file has one.
    at_least_px: where given, a JPEG may be decoded at a half, a quarter or an eighth of its size, as long as
    that leaves twice this many pixels on its shorter side; faster where a small image is wanted.
    limits: a file that exceeds the ordinary ones is read by another process, with wider ones.
    stop: once it is set, that process is killed; this thread goes on with an ImageError.
    Raises ImageError, whose message names neither file nor tag value.
    """
    location = Location.of(image)
    try:
        with location.open() as file:
            try:
                with silence():
                    return _read(file, at_least_px, location, limits)
            except OverLimitError:
                if limits != ORDINARY:
                    raise
                local = Location(str(file.name), location.frame)
                read = partial(read_image, local, at_least_px=at_least_px, limits=ODD)
                return guarded.call(read, num_bytes=file.seek(0, os.SEEK_END), stop=stop)
    except ImageError:
        raise
    except PermissionError:
        raise ImageError("no permission to read the file") from None
    except MemoryError:
        if limits != ORDINARY:  # in a process that has a bound of its own
            raise
        raise ImageError("too large for this machine's memory") from None
    except (ImportError, KeyboardInterrupt, SystemExit):  # not the file's fault
        raise
    except BaseException as error:
        # Decoders meet damaged files with nearly any exception (those in Rust with a PanicException, which is no
        # Exception), and their texts quote the file: one reason for all.
        is_disk = isinstance(error, OSError) and error.errno is not None
        raise ImageError("the file cannot be read" if is_disk else "the file is damaged") from None


def _read(file: BinaryIO, at_least_px: int | None, location: Location, limits: Limits) -> DecodedImage:
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if not head:
        raise ImageError("the file is empty")
    if head[128:132] == b"DICM" or _is_bare_data_set(head):
        from overread.images.dicom.dicom_image import (
            read_dicom,  # here, for training from a filled cache needs no pydicom
        )

        return read_dicom(file, frame_number=location.frame, limits=limits)
    if kind := kind_of(head, location.suffix):
        raise ImageError(str(kind))
    if is_raster(head):
        if location.frame is not None:
            check_frame(location.frame, 1)
        return read_raster(file, at_least_px=at_least_px)
    raise ImageError(
        "not an image of a kind that is read (PNG, JPEG, TIFF, DICOM, BMP, PGM, JPEG 2000, WebP, GIF, AVIF)"
    )


def _is_bare_data_set(head: bytes) -> bool:
    """DICOM without preamble: the first tag is of group 0002 or 0008, in either byte order."""
    group, element = head[:2], head[2:4]
    little = group in (b"\x02\0", b"\x08\0") and element[1:] == b"\0"
    big = group in (b"\0\x02", b"\0\x08") and element[:1] == b"\0"
    return len(head) >= 8 and (little or big)
