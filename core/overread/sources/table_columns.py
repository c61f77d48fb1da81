"""The columns of a table: those that the user names, and those that are recognised by their names."""

import re
from collections.abc import Sequence
from pathlib import Path

from overread.errors import ManifestError
from overread.records import Question
from overread.sources.label_classes import listed
from overread.sources.request import ColumnNames, column_flag
from overread.sources.tables.table_cells import TableCells

IMAGE_NAMES = ("image", "path", "file", "filename", "name", "image_path", "file_path", "filepath", "file_name")
LABEL_NAMES = ("label", "class", "target", "given_label", "labels", "diagnosis", "class_name", "category", "choice")
_READER_NAMES = ("rad_id", "reader", "reader_id", "rater", "rater_id", "annotator", "annotator_id", "radiologist")
OPTIONAL_NAMES = {
    "patient": ("patient", "patient_id"),
    "slide": ("slide", "slide_id"),
    "split": ("split",),
    "reader": _READER_NAMES,
}
OBVIOUS_NAMES = {"image": IMAGE_NAMES, "label": LABEL_NAMES, **OPTIONAL_NAMES}
_OF_LABELS = re.compile(r"diagnos|grad|patholog|class|label|finding|categor|severity|birads|dx|truth", re.IGNORECASE)
_MOST_CLASSES = 50
"""A column with more different cells, or with hardly any twice, is not offered as the label."""


def obvious_columns(header: Sequence[str]) -> dict[str, str]:
    """The columns that are recognised without being named, by kind: image, label, patient, slide, split, reader."""
    places = {kind: obvious_place(header, names) for kind, names in OBVIOUS_NAMES.items()}
    return {kind: header[place] for kind, place in places.items() if place is not None}


def find_column(path: Path, header: list[str], columns: ColumnNames, kind: str) -> int:
    if (named := getattr(columns, kind)) is not None:
        return place_of(path, header, named, column_flag(kind))
    place = obvious_place(header, OBVIOUS_NAMES[kind])
    if place is None:
        raise ManifestError(
            f"{path.name} row 1: no column is obviously the {kind}; specify it with {column_flag(kind)}. "
            f"Columns: {', '.join(header)}",
            public=f"No column is obviously the {kind}.",
            question=Question(f"{kind}_column", f"Which column is the {kind}?", ()),
        )
    return place


def obvious_place(header: Sequence[str], names: tuple[str, ...]) -> int | None:
    plain = [column.strip().lower() for column in header]
    return next((plain.index(name) for name in names if plain.count(name) == 1), None)


def place_of(path: Path, header: list[str], name: str, flag: str) -> int:
    count = header.count(name)
    if count == 1:
        return header.index(name)
    if count:
        raise ManifestError(f"{path.name} row 1: {count} columns are named {name!r}; rename all but one")
    stripped = [column.strip() for column in header]
    if stripped.count(name.strip()) == 1:
        return stripped.index(name.strip())
    raise ManifestError(f"{path.name} row 1: no column {name!r}; set {flag} to one of: {', '.join(header)}")


def quoted(name: str) -> str:
    return f'"{name}"' if " " in name else name


def likely_labels(table: TableCells, image: str) -> list[str]:
    """The columns with a few different cells that are not known to be something else, first those that are called as
    labels often are. image: the column of images."""
    num_rows = len(table.records)
    most = max(2, min(_MOST_CLASSES, num_rows // 2), num_rows // 10)
    others = {"", image, *obvious_columns(table.header).values()}
    kinds = []
    for place, title in enumerate(table.header):
        num_kinds = len({cell.strip() for cell in table.column(place)} - {""})
        if title.strip() and title not in others and 2 <= num_kinds <= most and table.header.count(title) == 1:
            kinds.append(title)
    return sorted(kinds, key=lambda title: not _OF_LABELS.search(title))


def label_question(path: Path, table: TableCells, image: str, *, given: str, names_images: bool) -> ManifestError:
    """The error that asks for the column of the labels. image: that of the images.

    given: the flag that names the table, if one is needed. names_images: whether it names any that is there; else the
    page is not told what the table holds.
    """
    kinds = likely_labels(table, image)
    titles = [title for title in table.header if title.strip()]
    doubled = next((title for title in titles if title.strip().lower() in LABEL_NAMES and titles.count(title) > 1), "")
    if doubled:
        what = f"{titles.count(doubled)} columns are named {doubled!r}; rename all but one, or"
    else:
        what = "no column is obviously the label;"
    asked = f"give {given}--label-column {quoted(kinds[0]) if kinds else 'NAME'}"
    likely = f", or another of its columns. Its columns with a few different cells: {listed(kinds)}." if kinds else ""
    none = "" if kinds else ", or, if none of them holds labels, another table with --labels FILE."
    return ManifestError(
        f"{path.name} row 1: {what} {asked}{likely}{none} Columns: {', '.join(titles)}",
        public="No column is obviously the label.",
        question=Question(
            "label_column",
            "Which column is the label?",
            tuple((name, 0) for name in dict.fromkeys((*kinds, *titles))) if names_images else (),
        ),
    )
