"""Reads a tree of files with a labels CSV that refers to them by a key: a DICOM tag, or the files' names.

The RSNA (patientId, Target) and SIIM (ImageId, EncodedPixels) releases have such CSVs, keyed by file name.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from overread.errors import ConfigError, ManifestError, SourceError
from overread.images.location import split_frame
from overread.records import Source, SourceRow
from overread.sources.columns import free_name
from overread.sources.csv_table import read_table
from overread.sources.dicom.headers import read_headers
from overread.sources.folder import files_below, printable
from overread.sources.request import NO_COLUMNS, ColumnNames
from overread.sources.tables.table_file import read_header

KEYS = ("name", "SOPInstanceUID", "AccessionNumber", "StudyInstanceUID", "SeriesInstanceUID", "PatientID")
"""What can identify an image: the file's name without its suffix, or a tag's value."""
_NAME_COLUMNS = ("imageid", "imagename", "image", "filename", "file", "name", "id", "patientid")
_MARKS = "encodedpixels"
"""SIIM's column of outlines, with -1 for none."""
_RELEASES = (
    {"patientid", "x", "y", "width", "height", "target"},
    {"patientid", "target"},
    {"patientid", "class"},
    {"imageid", _MARKS},
)


def is_release(path: Path) -> bool:
    """Whether a CSV has the columns of RSNA's or SIIM's label files, and no others."""
    return {_bare(column) for column in read_header(path)} in _RELEASES


def read_dicom_tree(path: Path, root: Path, *, key: str | None = None, columns: ColumnNames = NO_COLUMNS) -> Source:
    """A row for each image that a row of the CSV refers to, with its path in an added column `file`.

    key: one of KEYS, or None: the file's name for RSNA's and SIIM's CSVs, else the tag that a column is named for.
    columns: the image's holds the key, and need not be given if its name is obvious. Rows whose key no file has go to
    the quarantine. A key that several files share (such as an AccessionNumber) gives a row for each file; `#` and a
    number after the key select a frame. Patients come from the tag PatientID unless a column is named. SIIM's outlines
    become the classes `pneumothorax` and `no pneumothorax`, in an added column `label`.
    Raises ConfigError for an unknown key, SourceError if no file has one, ManifestError if no cell of the column is
    the key of a file, and what `read_table` raises.
    """
    header = read_header(path)
    key = key or _guess_key(path, header)
    if key not in KEYS:
        raise ConfigError(f"--key {key}: unknown value; choose from {', '.join(KEYS)}")
    is_marked = columns.label is None and _MARKS in map(_bare, header)
    label = columns.label
    if label is None:
        label = next((column for column in header if _bare(column) in (_MARKS, "target")), None)
    table = read_table(path, root, replace(columns, image=columns.image or _column(header, key), label=label))
    if is_marked:
        table = _with_marks_as_classes(table)
    is_patient_known = any(row.patient for row in table.rows)
    return _joined(table, *_index(path, root, key), key, is_patient_known=is_patient_known)


def _index(path: Path, root: Path, key: str) -> tuple[dict[str, list[tuple[str, str]]], int]:
    """The files, each with its patient, by their keys; and how many have no key."""
    files = [file for file in files_below(root) if file == printable(file) and (root / file) != path]
    found: dict[str, list[tuple[str, str]]] = {}
    for header in read_headers(root, files, ("PatientID", *([] if key == "name" else [key]))):
        value = Path(header.file).stem if key == "name" else header.values[1]
        if value:
            found.setdefault(value, []).append((header.file, header.values[0]))
    if not found:
        raise SourceError(f"{root}: no DICOM file in it has the tag {key}; check the folder, or give another --key")
    return found, len(files) - sum(map(len, found.values()))


def _joined(
    table: Source, found: Mapping[str, list[tuple[str, str]]], num_unkeyed: int, key: str, *, is_patient_known: bool
) -> Source:
    rows: list[SourceRow] = []
    cells: list[tuple[str, ...]] = []
    named, num_several, num_unknown = set(), 0, 0
    clean = _stem if key == "name" else str.strip
    for row, own in zip(table.rows, table.cells, strict=True):
        value, frame = clean(row.image), None
        if value not in found:
            image, frame = split_frame(row.image.strip())
            value = clean(image)
        files = found.get(value, [])
        named.add(value)
        num_several += len(files) > 1
        num_unknown += not files
        for path, patient in files or [("", "")]:
            file = f"{path}#{frame}" if path and frame is not None else path
            fault = "" if files else f"no file has this {key}" if value else f"no {key} is given"
            rows.append(replace(row, image=file, patient=row.patient if is_patient_known else patient, fault=fault))
            cells.append((*own, file))
    if num_unknown == len(table.rows):
        raise ManifestError(
            f"{Path(table.labels_file).name}: column {table.image_column!r} holds no {key} of a file in {table.root}; "
            f"choose another column with --image-column, or give another --key ({', '.join(KEYS)})"
        )
    column = free_name("file", table.columns)
    messages = [f"column {table.image_column!r} was taken as the {key} of the images; their paths are in {column!r}"]
    if not is_patient_known and any(row.patient for row in rows):
        messages.append("patients were taken from the tag PatientID")
    if num_several:
        messages.append(f"{num_several} rows match several images each, and are repeated for each of them")
    num_left = sum(len(files) for value, files in found.items() if value not in named)
    if key != "name" and num_left:
        messages.append(f"{num_left} images are not named in any row and were left out")
    if key != "name" and num_unkeyed:
        messages.append(f"{num_unkeyed} files are not DICOM files with a {key} and were left out")
    return replace(
        table,
        format="dicom",
        columns=(*table.columns, column),
        cells=tuple(cells),
        image_column=column,
        rows=tuple(rows),
        messages=(*table.messages, *messages),
    )


def _with_marks_as_classes(table: Source) -> Source:
    rows = tuple(replace(row, label=_marked(row.label)) for row in table.rows)
    column = free_name("label", table.columns)
    return replace(
        table,
        columns=(*table.columns, column),
        cells=tuple((*own, row.label) for own, row in zip(table.cells, rows, strict=True)),
        label_column=column,
        rows=rows,
        messages=(*table.messages, f"column {table.label_column.strip()!r} was read as pneumothorax, or none where -1"),
    )


def _marked(outline: str) -> str:
    return outline and ("no pneumothorax" if outline == "-1" else "pneumothorax")


def _guess_key(path: Path, header: list[str]) -> str:
    if is_release(path):
        return "name"
    bare = [_bare(column) for column in header]
    tag = next((tag for tag in KEYS[1:] if bare.count(tag.lower()) == 1), None)
    if tag is None:
        raise ManifestError(
            f"{path.name} row 1: no column is named after a tag; specify with --key how the images are identified "
            f"({', '.join(KEYS)}), and with --image-column where. Columns: {', '.join(header)}"
        )
    return tag


def _column(header: list[str], key: str) -> str | None:
    """The column that holds the key; None leaves it to `read_table`."""
    for name in _NAME_COLUMNS if key == "name" else (key.lower(),):
        if columns := [column for column in header if _bare(column) == name]:
            return columns[0]
    return None


def _stem(cell: str) -> str:
    """The file name in a cell, without the folders and the suffix of an image that it may have."""
    name = cell.strip().replace("\\", "/").rsplit("/", 1)[-1]
    stem, _, suffix = name.rpartition(".")
    return stem if stem and suffix.lower() in ("dcm", "dicom", "png", "jpg", "jpeg", "tif", "tiff") else name


def _bare(column: str) -> str:
    return column.strip().lower().replace("_", "").replace(" ", "")
