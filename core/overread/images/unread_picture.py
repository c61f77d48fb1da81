"""Tells an intact picture of a kind that pillow does not read from a damaged file."""

from typing import BinaryIO

from overread.images.dicom.codestream import coded_process
from overread.images.tiff_tags import TiffTags

_SEARCHED_BYTES = 2**20
"""A JPEG's frame header follows its metadata, and previews in them."""
_LOSSLESS = (0xC3, 0xC7, 0xCB, 0xCF)
_HIERARCHICAL = (0xC5, 0xC6, 0xCD, 0xCE)
"""Starts of frames (ITU-T T.81, table B.1)."""
_SAVE = "save it as PNG"
_CUT = ("truncated", "not enough", "end of file")
_NOT_READ = ("unsupported", "not supported", "not available", "cannot handle", "unknown", "unrecognized")
"""Words of pillow's errors."""
_COMPRESSION = (1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946)
"""Of TIFF: those that libtiff is always built with."""
DAMAGED = "the file is damaged"


def reason_for(file: BinaryIO, error: Exception, tags: TiffTags | None = None) -> str:
    """Why pillow could not read a picture. error: pillow's; tags: of a TIFF. The file's position is lost."""
    file.seek(0)
    text = str(error).lower()
    if kind := _unread_jpeg(file.read(_SEARCHED_BYTES)):
        return kind
    if tags is not None and (kind := unread_compression(tags)):
        return kind
    if any(word in text for word in _CUT):
        return "the file is truncated"
    if any(word in text for word in _NOT_READ):
        return f"a picture of an unusual kind, which is not read: {_SAVE}"
    return DAMAGED


def unread_compression(tags: TiffTags) -> str:
    """The reason where a TIFF that could not be decoded is compressed in an unusual way; else empty."""
    if tags.compression in _COMPRESSION:
        return ""
    return f"a TIFF whose compression ({tags.compression}) is not read: {_SAVE}"


def _unread_jpeg(content: bytes) -> str:
    if not content.startswith(b"\xff\xd8\xff"):
        return ""
    process = coded_process(content)
    if process is None:
        return ""
    code, bits = process
    if code in _LOSSLESS:
        return f"a lossless JPEG, which is not read: {_SAVE}"
    if code in _HIERARCHICAL:
        return f"a hierarchical JPEG, which is not read: {_SAVE}"
    return f"a JPEG of {bits} bits, which is not read: {_SAVE}" if bits != 8 else ""
