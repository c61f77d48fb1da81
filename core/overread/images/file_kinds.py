"""Names files of kinds that are not read, by their first bytes, and says what to do with them.

The signatures are those of each format's specification; where several formats share one, the file's name decides.
"""

import re
import zlib
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

HEAD_BYTES = 4096
"""As many of a file's first bytes as its kind is told from."""


class FileKind(NamedTuple):
    """A kind of file that is not read."""

    name: str
    """With its article: "an HDF5 file"."""
    advice: str
    """What to do with it, as an imperative: "write its images as PNG files"."""

    def __str__(self) -> str:
        return f"{self.name}: {self.advice}"


_UNPACK = "unpack it first"
_WRITE = "write its images as PNG files, and its labels as CSV"
_SLICES = "export its slices as PNG or DICOM"
_SAVE = "save it as PNG"
_FRAMES = "export single frames as PNG"
_TILES = "export tiles of it as PNG or JPEG first"
_AGAIN = "download the file itself; it may need a login"

WHOLE_SLIDE = FileKind("a whole slide", _TILES)
_CAMERA_RAW = FileKind("a camera's raw file", "develop it and save it as PNG or TIFF")
_WEB_PAGE = FileKind("a web page", _AGAIN)
_ANNEX = FileKind("a git-annex pointer", "the file's content was not downloaded: git annex get")
_WORKBOOK = FileKind("an Excel workbook", "save its sheet as CSV")
_NIFTI = FileKind("a NIfTI volume", _SLICES)
_NUMPY_ARCHIVE = FileKind("a NumPy archive (.npz)", _WRITE)
_TAR = FileKind("a tar archive", _UNPACK)
_HEIC = FileKind("a HEIC image", "save it as PNG or JPEG")
_JPEG_XL = FileKind("a JPEG XL image", _SAVE)
_VIDEO = FileKind("a video", _FRAMES)
_MICROSCOPE = FileKind("a microscope's file", "export its images as PNG or TIFF")

_BY_START: tuple[tuple[bytes, FileKind], ...] = (
    (b"version https://git-lfs.github.com/spec/", FileKind("a Git LFS pointer", "git lfs pull downloads its content")),
    (b"/annex/objects/", _ANNEX),
    (b"\x89HDF\r\n\x1a\n", FileKind("an HDF5 file", _WRITE)),
    (b"MATLAB ", FileKind("a MATLAB file", _WRITE)),
    (b"NRRD000", FileKind("an NRRD volume", _SLICES)),
    (b"\x93NUMPY", FileKind("a NumPy array (.npy)", _WRITE)),
    (b"PAR1", FileKind("a Parquet file", _WRITE)),
    (b"SQLite format 3\0", FileKind("an SQLite database", _WRITE)),
    (b"7z\xbc\xaf\x27\x1c", FileKind("a 7z archive", _UNPACK)),
    (b"Rar!\x1a\x07", FileKind("a RAR archive", _UNPACK)),
    (b"\xfd7zXZ\0", FileKind("an xz archive", _UNPACK)),
    (b"\x28\xb5\x2f\xfd", FileKind("a Zstandard archive", _UNPACK)),
    (b"%PDF-", FileKind("a PDF document", "export its images as PNG, and its tables as CSV")),
    (b"%!PS", FileKind("a PostScript file", _SAVE)),
    (b"8BPS", FileKind("a Photoshop file", _SAVE)),
    (b"SIMPLE  =", FileKind("a FITS file", _SAVE)),
    (b"\xff\x0a", _JPEG_XL),
    (b"\0\0\0\x0cJXL \r\n\x87\n", _JPEG_XL),
    (b"\xff\xd8\xff\xf7", FileKind("a JPEG-LS image", _SAVE)),
    (b"II\xbc", FileKind("a JPEG XR image", _SAVE)),
    (b"ZISRAWFILE", _MICROSCOPE),
    (b"\xda\xce\xbe\x0a", _MICROSCOPE),
    (b"\x1aE\xdf\xa3", _VIDEO),
    (b"\0\0\x01\xba", _VIDEO),
    (b"\0\0\x01\xb3", _VIDEO),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", _VIDEO),
    (b"FLV\x01", _VIDEO),
)
_STILL_BRANDS = (b"avif", b"avis")
"""Of ISO base media files (ISO/IEC 14496-12): those that pillow reads ..."""
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
"""... and HEIC's (ISO/IEC 23008-12, B.4); every other is a video's."""
_BY_SUFFIX = {
    **dict.fromkeys((".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".vms", ".vmu", ".qptiff"), WHOLE_SLIDE),
    **dict.fromkeys((".cr2", ".nef", ".arw", ".dng", ".orf", ".pef"), _CAMERA_RAW),
    **dict.fromkeys((".oib", ".zvi"), _MICROSCOPE),
    ".pkl": FileKind("a Python pickle", _WRITE),
    ".pickle": FileKind("a Python pickle", _WRITE),
}
"""Kinds whose first bytes are those of a format that is read: their first picture is a thumbnail, or one of many."""


def kind_of(source: Path | bytes, name: str = "") -> FileKind | None:
    """The kind of a file that is not read, neither as an image nor as a table; None for any other file.

    source: the file, or its first bytes (HEAD_BYTES are enough). name: the file's or its end (.svs), where only bytes
    are given. A link to content that git-annex did not download is told from where it leads. Raises OSError.
    """
    if isinstance(source, bytes):
        return _kind(source, "." + name.lower().rpartition(".")[2])
    with suppress(OSError):  # no link
        if not source.exists() and ".git/annex/objects" in str(source.readlink()):
            return _ANNEX
    with source.open("rb") as file:
        return _kind(file.read(HEAD_BYTES), source.suffix.lower())


def _kind(head: bytes, suffix: str) -> FileKind | None:
    for start, kind in _BY_START:
        if head.startswith(start):
            return kind
    if suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return _zip_kind(head, suffix)
    if head.startswith(b"\x1f\x8b"):
        return _gzip_kind(head)
    if head.startswith(b"BZh") and head[4:10] == b"1AY&SY":
        return FileKind("a bzip2 archive", _UNPACK)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):  # MS-CFB: old Excel, and much else
        return _WORKBOOK if suffix == ".xls" else FileKind("a Microsoft Office file", "save it as CSV or PNG")
    if head[257:262] == b"ustar":
        return _TAR
    if _is_nifti(head):
        return _NIFTI
    if head[4:8] == b"ftyp":
        return _media_kind(head)
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return _VIDEO
    if head.startswith((b"II*\0", b"MM\0*")) and head[8:10] == b"CR":
        return _CAMERA_RAW
    return _text_kind(head)


def _zip_kind(head: bytes, suffix: str) -> FileKind:
    # A local file header: its name's length at 26, the name at 30 (APPNOTE.TXT 4.3.7).
    entry = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    if suffix == ".npz" or entry.endswith(b".npy"):
        return _NUMPY_ARCHIVE
    if suffix in (".xlsx", ".xlsm") or entry.startswith(b"xl/"):
        return _WORKBOOK
    return FileKind("a zip archive", _UNPACK)


def _gzip_kind(head: bytes) -> FileKind:
    with suppress(zlib.error):
        content = zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
        if _is_nifti(content):
            return _NIFTI
        if content[257:262] == b"ustar":
            return _TAR
    return FileKind("a gzip archive", _UNPACK)


def _is_nifti(head: bytes) -> bool:
    """Of NIfTI-1, at 344, or NIfTI-2, at 4; "ni1" has its pixels in a file of its own."""
    return head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0")


def _media_kind(head: bytes) -> FileKind | None:
    if head[8:12] in _STILL_BRANDS or (head[8:12] in (b"mif1", b"msf1") and b"avif" in head[16:64]):
        return None
    return _HEIC if head[8:12] in _HEIC_BRANDS else _VIDEO


def _text_kind(head: bytes) -> FileKind | None:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:512].lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or (
        text.startswith(b"<?xml") and b"<html" in text
    ):
        return _WEB_PAGE
    if text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"<svg" in text):
        return FileKind("an SVG drawing", _SAVE)
    if re.match(rb"(objecttype|ndims)\s*=", text):
        return FileKind("a MetaImage volume", _SLICES)
    if len(head) < 1024 and b".git/annex/objects/" in head:
        return _ANNEX
    return None
