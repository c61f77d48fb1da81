"""What the headers of a tree of files say: the tags by which a labels CSV may name its images."""

import os
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from core.images.silence import silence, silence_loggers

TAGS = ("SOPInstanceUID", "AccessionNumber", "StudyInstanceUID", "SeriesInstanceUID", "PatientID")

_LAST_TAG = 0x0020000E
"""SeriesInstanceUID, the last of them in a file: tags rise."""
_MAX_BYTES = 2**20
"""They stand in the first few kB; a damaged length or a deflated bomb costs no more than this."""
_DEFLATED = b"1.2.840.10008.1.2.1.99"


@dataclass(frozen=True, slots=True)
class Header:
    """Of one file, without its padding; empty where the file has no such tag, or is no DICOM."""

    file: str
    """Path from the root of the tree (POSIX)."""
    key: str
    """Value of the tag that was asked for."""
    patient: str
    """PatientID."""


def read_headers(root: Path, files: Sequence[str], tag: str) -> list[Header]:
    """A header per file, in their order; read in threads, and no further than the tags reach.

    tag: one of TAGS. A file that is no DICOM, or too damaged to tell, has an empty key and patient.
    """
    silence_loggers("pydicom")
    with ThreadPoolExecutor(max_workers=min(32, 4 * (os.cpu_count() or 1))) as threads:
        return list(threads.map(lambda file: _read(root, file, tag), files))


def _read(root: Path, file: str, tag: str) -> Header:
    path = root / file
    try:
        if not path.is_file():
            return Header(file, "", "")
        with path.open("rb") as opened:
            head = opened.read(_MAX_BYTES)
        # Without a preamble, a data set begins with group 0002 or 0008; pydicom would force its way into anything.
        if head[128:132] != b"DICM" and head[:2] not in (b"\x02\0", b"\x08\0"):
            return Header(file, "", "")
        with silence():
            dataset = _parsed(head, [tag, "PatientID"])
            return Header(file, _plain(dataset.get(tag)), _plain(dataset.get("PatientID")))
    except Exception:  # damaged files make pydicom raise nearly anything
        return Header(file, "", "")


def _parsed(head: bytes, names: list[str]) -> Any:
    from pydicom.filereader import read_dataset, read_partial
    from pydicom.tag import Tag

    tags = [Tag(name) for name in names]
    if _DEFLATED not in head[132:1024]:
        return read_partial(BytesIO(head), stop_when=_is_beyond, force=True, specific_tags=tags)
    # The file meta information begins with its own length (PS3.10, 7.1); what follows it is deflated (PS3.5, A.5).
    start = 144 + int.from_bytes(head[140:144], "little")
    content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(head[start:], _MAX_BYTES)
    return read_dataset(BytesIO(content), False, True, stop_when=_is_beyond, specific_tags=tags)


def _is_beyond(tag: int, _vr: str | None, _length: int) -> bool:
    return tag > _LAST_TAG


def _plain(value: object) -> str:
    # Values are padded to an even length, UIDs with a NUL (PS3.5, 6.2).
    return "" if value is None else str(value).strip(" \0")
