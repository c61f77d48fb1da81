"""The text of a file: unpacked if it is gzip, and decoded."""

import gzip
import zlib
from pathlib import Path

from overread.errors import SourceError
from overread.sources.tables.other_kinds import not_a_table

WESTERN = ("windows-1252", "latin-1")
"""In this order: the first leaves five bytes undefined, and has letters where the second has control characters."""
GZIP = b"\x1f\x8b"
MAX_UNPACKED_BYTES = 2**29
"""Half a gigabyte of text is millions of rows; what unpacks to more is no table."""
_SNIFFED_BYTES = 4096


def first_bytes(path: Path) -> bytes:
    """The beginning of a file's content, unpacked if it is gzip. Raises SourceError for gzip that is not intact."""
    return content_bytes(path, _SNIFFED_BYTES)


def content_bytes(path: Path, num_bytes: int | None = None) -> bytes:
    """A file's content, or the beginning of it; unpacked if it is gzip.

    Raises SourceError for gzip that is not intact, or unpacks to more than MAX_UNPACKED_BYTES.
    """
    with path.open("rb") as file:
        is_gzip = file.read(len(GZIP)) == GZIP
        file.seek(0)
        if not is_gzip:
            return file.read(-1 if num_bytes is None else num_bytes)
        try:
            with gzip.open(file) as unpacked:
                content = unpacked.read(MAX_UNPACKED_BYTES + 1 if num_bytes is None else num_bytes)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise SourceError(f"{path}: is not an intact gzip file ({error}); compress or download it again") from error
    if len(content) > MAX_UNPACKED_BYTES:
        raise SourceError(f"{path}: unpacks to more than {MAX_UNPACKED_BYTES >> 20} MiB; unpack it, and give the table")
    return content


def decoded(path: Path) -> tuple[str, str]:
    """The text of a file, and its encoding: UTF-8, UTF-16 with a BOM, else Windows-1252 or Latin-1.

    Raises SourceError for what is not text, with the name of what it is.
    """
    data = content_bytes(path)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    elif b"\0" in data[:_SNIFFED_BYTES]:
        raise not_a_table(path, data[:_SNIFFED_BYTES])
    else:
        encodings = ("utf-8-sig", *WESTERN)
    for encoding in encodings:
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise not_a_table(path, data[:_SNIFFED_BYTES])
