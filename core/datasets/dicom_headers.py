"""What the headers of a tree of files say: the tags by which a labels CSV may name its images."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from core.images.silence import silence, silence_loggers

TAGS = ("SOPInstanceUID", "AccessionNumber", "StudyInstanceUID", "SeriesInstanceUID", "PatientID")


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
    """A header per file, in their order; read in threads, and no further than to the pixels.

    tag: one of TAGS. A file that is no DICOM, or too damaged to tell, has an empty key and patient.
    """
    silence_loggers("pydicom")
    with ThreadPoolExecutor(max_workers=min(32, 4 * (os.cpu_count() or 1))) as threads:
        return list(threads.map(lambda file: _read(root, file, tag), files))


def _read(root: Path, file: str, tag: str) -> Header:
    from pydicom import dcmread

    path = root / file
    try:
        if not path.is_file():
            return Header(file, "", "")
        with path.open("rb") as opened, silence():
            head = opened.read(132)
            # Without a preamble, a data set begins with group 0002 or 0008; pydicom would force its way into anything.
            if head[128:] != b"DICM" and head[:2] not in (b"\x02\0", b"\x08\0"):
                return Header(file, "", "")
            opened.seek(0)
            dataset = dcmread(opened, stop_before_pixels=True, force=True, specific_tags=[tag, "PatientID"])
            return Header(file, _plain(dataset.get(tag)), _plain(dataset.get("PatientID")))
    except Exception:  # damaged files make pydicom raise nearly anything
        return Header(file, "", "")


def _plain(value: object) -> str:
    # Values are padded to an even length, UIDs with a NUL (PS3.5, 6.2).
    return "" if value is None else str(value).strip(" \0")
