"""How much of a DICOM file is read before it is refused, and how much in which process.

Nearly every file keeps to ORDINARY, within which nothing takes longer than some seconds: it is read where it is asked
for. One that does not is read again in a process that can be killed (guarded.py), and there may go as far as ODD.
"""

from dataclasses import dataclass

from overread.errors import ImageError
from overread.images.decoded_image import MAX_PIXELS


@dataclass(frozen=True)
class Limits:
    """Of one file."""

    num_reads: int
    """Two or three for each element, however deep in sequences it stands, and for each fragment of pixel data."""
    header_bytes: int
    """Of the values that may become Python objects, one for each few bytes: not of pixels, overlays and the like."""
    inflated_bytes: int
    """Of a deflated data set."""
    frame_pixels: int
    """Of a compressed frame: its decoder may hold the whole program up, five megapixels a second."""
    file_bytes: int
    """Of a file that has to be in memory whole, or of the values that are."""


ORDINARY = Limits(num_reads=100_000, header_bytes=2**20, inflated_bytes=2**26, frame_pixels=2**24, file_bytes=2**28)
ODD = Limits(num_reads=1_500_000, header_bytes=2**28, inflated_bytes=2**29, frame_pixels=MAX_PIXELS, file_bytes=2**31)


class OverLimitError(ImageError):
    """A file goes beyond the limits that it is read with."""
