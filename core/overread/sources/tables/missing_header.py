"""Recognises a table without a header, whose first row is an image's already, and names its columns."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

_SUFFIXES = frozenset(
    (
        *(".png", ".jpg", ".jpeg", ".jfif", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".dcm", ".dicom", ".jp2"),
        *(".j2k", ".pgm", ".ppm", ".pnm", ".heic", ".heif", ".avif", ".jxl", ".nii", ".gz", ".svs", ".ndpi", ".mha"),
    )
)
_MAX_SEARCHED = 200_000
"""Files among which one that is called as a cell is looked for."""
_LONGEST_PATH = 4096


@dataclass(frozen=True, slots=True)
class Header:
    """The names of a table's columns."""

    names: list[str]
    message: str = ""
    """What to say of names that are not the table's own; empty if they are."""


def header_for(path: Path, records: Sequence[Sequence[str]]) -> Header:
    """The first record, or, if that is an image's already, names made up: image and label, or column 1, column 2 ...

    path: of the table; the images are looked for in its folder and below. records: one or more.
    """
    place = _image_place(path.parent, records)
    if place is None:
        return Header(list(records[0]))
    width = max(map(len, records))
    if width == 1:
        names = ["image"]
    elif width == 2:
        names = ["image", "label"] if place == 0 else ["label", "image"]
    else:
        names = [f"column {number}" for number in range(1, width + 1)]
    named = f"{names[0]} to {names[-1]}" if width > 2 else " and ".join(names)
    return Header(names, f"{path.name}: has no header; its columns were named {named}")


def is_image_name(cell: str) -> bool:
    """Whether a cell looks like the name of an image's file, or the path of one."""
    name = cell.strip()
    return len(name) < _LONGEST_PATH and PurePosixPath(name.replace("\\", "/")).suffix.lower() in _SUFFIXES


def lists_images(records: Sequence[Sequence[str]]) -> bool:
    """Whether every record has more than one cell, and the same column of all looks like the names of images."""
    width = min(map(len, records), default=0)
    return width > 1 and any(all(is_image_name(record[place]) for record in records) for place in range(width))


def names_images(folder: Path, records: Sequence[Sequence[str]]) -> bool:
    """Whether the records, or those after the first one, list images by names with a suffix, or by those of files in
    the folder or below it."""
    if min(map(len, records), default=0) < 2:
        return False
    parts = (records, records[1:])
    return any(map(lists_images, parts)) or any(_id_place(folder, part) is not None for part in parts)


def _image_place(folder: Path, records: Sequence[Sequence[str]]) -> int | None:
    """The column of images if the first record is an image's, else None."""
    for place, cells in enumerate(zip(*records[:2], strict=False)):
        if all(map(is_image_name, cells)):
            return place
    return _id_place(folder, records)


def _id_place(folder: Path, records: Sequence[Sequence[str]]) -> int | None:
    """The column of ids, or of names without suffix. Those of rows differ in digits alone, unlike a header's."""
    if len(records) < 2:
        return None
    pairs = enumerate(zip(*records[:2], strict=False))
    ids = {place: first.strip() for place, (first, second) in pairs if digits_as_0(first) == digits_as_0(second) != ""}
    found = found_below(folder, set(ids.values())) if ids else set()
    return next((place for place, name in ids.items() if name in found), None)


def digits_as_0(cell: str) -> str:
    """The cell with each number as 0; empty if it has none."""
    shape = re.sub(r"\d+", "0", cell.strip())
    return shape if "0" in shape else ""


def found_below(folder: Path, names: set[str]) -> set[str]:
    """Those of the names that are a file's in the folder or below it, with its suffix or without."""
    files = (file for _, _, files in os.walk(folder) for file in files)
    found = ({file, file.partition(".")[0], PurePosixPath(file).stem} & names for file in islice(files, _MAX_SEARCHED))
    return set().union(*found)
