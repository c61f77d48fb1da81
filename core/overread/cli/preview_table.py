"""The preview of an import as a terminal shows it: tables of its classes and of the images that were looked at."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from overread.studies.preview import Preview

_NO_SPLIT = "no split"


def preview_lines(preview: "Preview") -> list[str]:
    """The preview in lines: the classes, what is left out, notes, and the images with their labels."""
    splits = [split or _NO_SPLIT for split in preview.splits]
    classes = [(each.name, str(each.num_images), *map(str, each.by_split)) for each in preview.classes]
    shown = [
        (str(each.row), each.label, each.image + (f" (cannot be read: {each.fault})" if each.fault else ""))
        for each in preview.shown
    ]
    patients = f" of {_counted(preview.num_patients, 'patient')}" if preview.num_patients else ""
    images = f"{_counted(preview.num_images, 'image')}{patients}"
    return [
        f"{images} in {len(preview.classes)} classes (format {preview.format})",
        "",
        *table_lines(("class", "images", *splits), classes, right=range(1, 2 + len(splits))),
        "",
        *(
            f"left out: {_counted(each.num_rows, 'row')}: {each.reason} (the first is row {each.first_row})"
            for each in preview.left_out
        ),
        *(f"note: {message}" for message in preview.messages),
        *([""] if preview.left_out or preview.messages else []),
        *table_lines(("row", "label", "image"), shown, right=(0,)),
        "",
        "nothing was written; leave out --dry-run to import",
    ]


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """A table in columns as wide as their longest cell. right: the columns that are aligned to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = []
    for row in (header, *rows):
        cells = [
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
