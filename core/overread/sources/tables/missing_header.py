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


def _image_place(folder: Path, records: Sequence[Sequence[str]]) -> int | None:
    """The column of images if the first record is an image's, else None."""
    first, second = records[0], records[1] if len(records) > 1 else records[0]
    width = min(len(first), len(second))
    places = [place for place in range(width) if is_image_name(first[place]) and is_image_name(second[place])]
    if places:
        return places[0]
    # Ids, or names without a suffix: those of successive rows differ in digits alone, which a header does not.
    alike = [place for place in range(width) if _shape(first[place]) == _shape(second[place]) != ""]
    if not alike or len(records) < 2:
        return None
    found = found_below(folder, {first[place].strip() for place in alike})
    return next((place for place in alike if first[place].strip() in found), None)


def _shape(cell: str) -> str:
    """The cell with each number as 0; empty if it has none."""
    shape = re.sub(r"\d+", "0", cell.strip())
    return shape if "0" in shape else ""


def found_below(folder: Path, names: set[str]) -> set[str]:
    """Those of the names that are a file's in the folder or below it, with its suffix or without."""
    files = (file for _, _, files in os.walk(folder) for file in files)
    return {name for file in islice(files, _MAX_SEARCHED) for name in (file, file.partition(".")[0]) if name in names}
