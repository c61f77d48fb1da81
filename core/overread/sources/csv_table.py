"""Reads a CSV with one row per image: which columns hold the image, label, patient, slide, split and raters."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from overread.errors import ManifestError, SourceError
from overread.records import Source, SourceRow
from overread.sources.folder import SPLITS, class_folders
from overread.sources.label_classes import listed
from overread.sources.request import COLUMN_KINDS, NO_COLUMNS, ColumnNames, column_flag
from overread.sources.source_files import TABLES, SourceFiles, tables_in
from overread.sources.source_format import LabelPlace, SourceFormat

IMAGE_NAMES = ("image", "path", "file", "filename", "name", "image_path", "file_path", "filepath", "file_name")
LABEL_NAMES = ("label", "class", "target", "given_label")
_OPTIONAL_NAMES = {"patient": ("patient", "patient_id"), "slide": ("slide", "slide_id"), "split": ("split",)}
_OBVIOUS_NAMES = {"image": IMAGE_NAMES, "label": LABEL_NAMES, **_OPTIONAL_NAMES}
_DELIMITERS = (",", ";", "\t")
_WESTERN = ("windows-1252", "latin-1")
"""In this order: the first leaves five bytes undefined, and has letters where the second has control characters."""
_NUM_SNIFFED = 50
_SNIFFED_CHARACTERS = 65_536
_QUOTED = re.compile(r'(?<![^,;\t\r\n])"[^"]*(?:""[^"]*)*"')
"""A cell in double quotes: delimiters in it don't count."""


def read_table(path: Path, root: Path, columns: ColumnNames = NO_COLUMNS) -> Source:
    """A CSV (comma, semicolon or tab; UTF-8, UTF-16 with a BOM, else Windows-1252 or Latin-1) whose image paths are
    relative to `root`. Columns that aren't named are recognised if their names are obvious (image, label, patient,
    slide, split).

    Raises ManifestError for a ragged row, or a column that is missing, duplicated or not obvious; SourceError for a
    file that is empty or not text.
    """
    text, encoding = _decoded(path)
    header, records = _read_records(path, text)
    image = _column(path, header, columns, "image")
    label = _column(path, header, columns, "label")
    places, messages = {}, []
    if encoding in _WESTERN:
        messages.append(f"{path.name}: is not UTF-8 and was read as {encoding}; if names look wrong, save it as UTF-8")
    for kind, names in _OPTIONAL_NAMES.items():
        if (named := getattr(columns, kind)) is not None:
            places[kind] = _place(path, header, named, column_flag(kind))
        elif (place := _guess(header, names)) is not None:
            places[kind] = place
            messages.append(f"{path.name}: column {header[place]!r} was taken as the {kind}")
    raters = [_place(path, header, name, column_flag("raters")) for name in columns.raters]
    rater_names = tuple(_rater_name(header[place]) for place in raters)
    if len(set(rater_names)) < len(rater_names):
        raise ManifestError(
            f"{path.name}: two rater columns have the same name, {', '.join(columns.raters)}; give each once"
        )

    rows = []
    for number, record in records:
        optional = {kind: record[place].strip() for kind, place in places.items()}
        if "split" in optional:
            optional["split"] = SPLITS.get(optional["split"].lower(), optional["split"].lower())
        votes = tuple(record[place].strip() for place in raters)
        rows.append(SourceRow(number, record[image], record[label].strip(), **optional, raters=votes))
    if others := sorted({row.split for row in rows} - set(SPLITS.values()) - {""}):
        messages.append(
            f"{path.name}: splits {listed(others)} are not train, val or test: every split except test is used for "
            "training"
        )
    return Source(
        root=str(root.resolve()),
        format="csv",
        columns=tuple(header),
        cells=tuple(tuple(record) for _, record in records),
        image_column=header[image],
        label_column=header[label],
        rows=tuple(rows),
        labels_file=str(path.resolve()),
        rater_names=rater_names,
        messages=tuple(messages),
    )


def read_cells(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header of a CSV, and each record with its number as a spreadsheet counts; delimiter and encoding as in
    `read_table`.

    Raises ManifestError for a ragged row, SourceError for a file that is empty or not text.
    """
    return _read_records(path, _decoded(path)[0])


def read_header(path: Path) -> list[str]:
    """The names of the columns; none if the file is not a CSV."""
    try:
        return _read_records(path, _decoded(path)[0], num_records=1)[0]
    except (ManifestError, SourceError):
        return []


def obvious_columns(header: Sequence[str]) -> dict[str, str]:
    """The columns that are recognised without being named, by kind: image, label, patient, slide, split."""
    places = {kind: _guess(header, names) for kind, names in _OBVIOUS_NAMES.items()}
    return {kind: header[place] for kind, place in places.items() if place is not None}


def has_obvious_columns(path: Path) -> bool:
    """Whether the file is a CSV whose columns of images and labels have obvious names."""
    return {"image", "label"} <= obvious_columns(read_header(path)).keys()


def _read_records(
    path: Path, text: str, *, num_records: int | None = None
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and each record with its number as a spreadsheet counts. Blank lines are not records."""
    numbered = _parsed(path, text, _sniff_delimiter(text))
    header = None
    records = []
    for number, record in islice(numbered, None if num_records is None else num_records):
        if not record:
            continue
        if header is None:
            header = record
        elif len(record) != len(header):
            raise ManifestError(
                f"{path.name} row {number}: {len(record)} cells where the header has {len(header)}; "
                "put cells that contain the delimiter in double quotes, or add the missing cells"
            )
        else:
            records.append((number, record))
    if header is None:
        raise SourceError(f"{path}: the file is empty; add a header and a row for each image")
    return header, records


def _decoded(path: Path) -> tuple[str, str]:
    """The text of a file, and its encoding."""
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    elif b"\0" in data[:4096]:
        raise SourceError(f"{path}: this file is not text; give a CSV file")
    else:
        encodings = ("utf-8-sig", *_WESTERN)
    for encoding in encodings:
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise SourceError(f"{path}: this file is not text; give a CSV file")


def _parsed(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    # Strict: a quote that is never closed would silently swallow the rows after it.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise ManifestError(f"{path.name} row {number}: {error}; fix the double quotes of this row") from error
        if record is None:
            return
        yield number, record


def _sniff_delimiter(text: str) -> str:
    """The delimiter that splits the first rows into the same number of cells; of several, the one with most cells."""
    bare = _QUOTED.sub("", text[:_SNIFFED_CHARACTERS])
    lines = [line for line in re.split(r"\r\n|\r|\n", bare) if line]
    if len(text) > _SNIFFED_CHARACTERS:
        lines = lines[:-1]  # which may be incomplete
    best, most = _DELIMITERS[0], (False, 1)
    for delimiter in _DELIMITERS:
        widths = [line.count(delimiter) + 1 for line in lines[:_NUM_SNIFFED]]
        if widths and (len(set(widths)) == 1, widths[0]) > most and widths[0] > 1:
            best, most = delimiter, (len(set(widths)) == 1, widths[0])
    return best


def _column(path: Path, header: list[str], columns: ColumnNames, kind: str) -> int:
    if (named := getattr(columns, kind)) is not None:
        return _place(path, header, named, column_flag(kind))
    place = _guess(header, _OBVIOUS_NAMES[kind])
    if place is None:
        raise ManifestError(
            f"{path.name} row 1: no column is obviously the {kind}; specify it with {column_flag(kind)}. "
            f"Columns: {', '.join(header)}"
        )
    return place


def _guess(header: Sequence[str], names: tuple[str, ...]) -> int | None:
    plain = [column.strip().lower() for column in header]
    return next((plain.index(name) for name in names if plain.count(name) == 1), None)


def _place(path: Path, header: list[str], name: str, flag: str) -> int:
    count = header.count(name)
    if count == 1:
        return header.index(name)
    if count:
        raise ManifestError(f"{path.name} row 1: {count} columns are named {name!r}; rename all but one")
    stripped = [column.strip() for column in header]
    if stripped.count(name.strip()) == 1:
        return stripped.index(name.strip())
    raise ManifestError(f"{path.name} row 1: no column {name!r}; set {flag} to one of: {', '.join(header)}")


def _rater_name(column: str) -> str:
    bare = column.strip()
    for prefix in ("label_", "rater_"):
        if bare.lower().startswith(prefix):
            bare = bare[len(prefix) :]
            break
    return f"rater_{bare}"


def _recognise(files: SourceFiles) -> bool:
    if files.labels_file is not None:
        return not (files.is_zip or files.is_json)
    if files.request.columns.named:
        return True
    tables = tables_in(files.root)
    return (len(tables) == 1 and has_obvious_columns(tables[0])) or (bool(tables) and not class_folders(files.root))


def _read(files: SourceFiles) -> Source:
    request = files.request
    source = read_table(files.only_table(), files.root, request.columns)
    is_asked = request.format or request.columns.named or files.labels_file
    return source if is_asked or not class_folders(files.root) else _with_choice(source)


def _with_choice(source: Source) -> Source:
    name = Path(source.labels_file).name
    message = f"the labels are those of {name}, not the names of the folders beside it; those are --format folder"
    return replace(source, messages=(message, *source.messages))


FORMAT = SourceFormat(
    name="csv",
    title="CSV file with labels",
    recognise=_recognise,
    read=_read,
    precedence=70,
    label_places=(LabelPlace(columns=COLUMN_KINDS),),
    looks_like=lambda path: bool(tables_in(path)) if path.is_dir() else path.suffix.lower() in TABLES,
    is_table=True,
    has_patient_tags=True,
)
