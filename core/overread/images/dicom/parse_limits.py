"""Limits on how much of a DICOM file is read before it is refused.

Nearly every file is within ORDINARY, where nothing takes longer than some seconds, and is read in this process. One
that is not is read again in a process that can be killed (guarded.py), within ODD.
"""

from dataclasses import dataclass

from overread.errors import ImageError
from overread.images.decoded_image import MAX_PIXELS


@dataclass(frozen=True)
class Limits:
    """The limits for one file."""

    num_reads: int
    """Two or three for each element, however deep in sequences, and for each fragment of pixel data."""
    header_bytes: int
    """Of the values that may become Python objects, one for each few bytes: not of pixels, overlays and the like."""
    inflated_bytes: int
    """Of a deflated data set."""
    frame_pixels: int
    """Of a compressed frame: its decoder may block the whole program, at five megapixels a second."""
    file_bytes: int
    """Of a file, or of the values, that have to be in memory."""


ORDINARY = Limits(num_reads=100_000, header_bytes=2**20, inflated_bytes=2**26, frame_pixels=2**24, file_bytes=2**28)
ODD = Limits(num_reads=1_500_000, header_bytes=2**28, inflated_bytes=2**29, frame_pixels=MAX_PIXELS, file_bytes=2**31)


class OverLimitError(ImageError):
    """A file exceeds the limits that it is read with."""
