"""Reads chosen tags from the headers of a tree of files, and no further than the last of these tags."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from overread.images.dicom.parse_limits import ORDINARY
from overread.images.silence import silence, silence_loggers
from overread.sources.dicom.tags import tag_number, value_as_text

_FIRST_BYTES, _MAX_BYTES = 2**13, 2**20
"""Most headers end within the first; the second limits what a damaged length or a zip bomb can cost."""


@dataclass(frozen=True, slots=True)
class Header:
    """The chosen tags of one file."""

    file: str
    """Path from the root of the tree (POSIX)."""
    values: tuple[str, ...]
    """Of the requested tags, in their order, without padding; empty if the file lacks the tag."""
    is_dicom: bool = True


def read_headers(root: Path, files: Sequence[str], tags: Sequence[str]) -> list[Header]:
    """A header per file, in their order; read in threads.

    tags: keywords or numbers, see `tag_number`. A file that is not DICOM, or too damaged to tell, has empty values.
    """
    silence_loggers("pydicom")
    numbers = [tag_number(tag) for tag in tags]
    with ThreadPoolExecutor(max_workers=min(32, 4 * (os.cpu_count() or 1))) as threads:
        return list(threads.map(lambda file: _read(root, file, numbers), files))


def read_dataset_head(path: Path, numbers: Sequence[int] | None, last: int) -> Any:
    """The pydicom Dataset of a file's tags up to `last`; None if it is not DICOM. May raise nearly anything.

    numbers: only these tags, which is faster; None: all of them.
    """
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(_FIRST_BYTES)
        # Without a preamble, a data set begins with group 0002 or 0008; pydicom would try to parse anything.
        if head[128:132] != b"DICM" and head[:2] not in (b"\x02\0", b"\x08\0"):
            return None
        with silence():
            dataset, is_whole = _parsed(head, numbers, last)
            if not is_whole and len(head) == _FIRST_BYTES:
                head += file.read(_MAX_BYTES - _FIRST_BYTES)
                dataset, _ = _parsed(head, numbers, last)
    return dataset


def _read(root: Path, file: str, numbers: list[int]) -> Header:
    nothing = ("",) * len(numbers)
    try:
        dataset = read_dataset_head(root / file, numbers, max(numbers))
        if dataset is None:
            return Header(file, nothing, is_dicom=False)
        with silence():  # values are converted as they are asked for
            return Header(file, tuple(value_as_text(dataset, number) for number in numbers))
    except Exception:  # damaged files make pydicom raise nearly anything
        return Header(file, nothing, is_dicom=False)


def _parsed(head: bytes, numbers: Sequence[int] | None, last: int) -> tuple[Any, bool]:
    """The data set, and whether a tag after the last was reached; if not, the head may be too short."""
    from overread.images.dicom.parser import parse

    is_beyond = False

    def stop(tag: int, _vr: str | None, _length: int) -> bool:
        nonlocal is_beyond
        is_beyond = tag > last
        return is_beyond

    try:
        dataset, _ = parse(BytesIO(head), ORDINARY, stop_when=stop, specific_tags=numbers)
    except Exception:
        if len(head) == _FIRST_BYTES:  # perhaps truncated within a sequence
            return None, False
        raise
    return dataset, is_beyond
