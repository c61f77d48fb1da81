"""Reads a CSV with one row per image: which columns hold the image, label, patient, slide, split and raters."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from overread.errors import ManifestError
from overread.records import Source, SourceRow
from overread.sources.folder import SPLITS, class_folders
from overread.sources.label_classes import listed
from overread.sources.request import COLUMN_KINDS, NO_COLUMNS, ColumnNames, column_flag
from overread.sources.source_files import TABLES, SourceFiles, tables_in
from overread.sources.source_format import LabelPlace, SourceFormat
from overread.sources.tables.table_file import read_cells, read_header

IMAGE_NAMES = ("image", "path", "file", "filename", "name", "image_path", "file_path", "filepath", "file_name")
LABEL_NAMES = ("label", "class", "target", "given_label")
_OPTIONAL_NAMES = {"patient": ("patient", "patient_id"), "slide": ("slide", "slide_id"), "split": ("split",)}
_OBVIOUS_NAMES = {"image": IMAGE_NAMES, "label": LABEL_NAMES, **_OPTIONAL_NAMES}


def read_table(path: Path, root: Path, columns: ColumnNames = NO_COLUMNS) -> Source:
    """A CSV (comma, semicolon or tab; UTF-8, UTF-16 with a BOM, else Windows-1252 or Latin-1) whose image paths are
    relative to `root`. Columns that aren't named are recognised if their names are obvious (image, label, patient,
    slide, split).

    Raises ManifestError for a ragged row, or a column that is missing, duplicated or not obvious; SourceError for a
    file that is empty or not text.
    """
    table = read_cells(path)
    header, records = table.header, table.records
    image = _column(path, header, columns, "image")
    label = _column(path, header, columns, "label")
    places, messages = {}, list(table.messages)
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


def obvious_columns(header: Sequence[str]) -> dict[str, str]:
    """The columns that are recognised without being named, by kind: image, label, patient, slide, split."""
    places = {kind: _guess(header, names) for kind, names in _OBVIOUS_NAMES.items()}
    return {kind: header[place] for kind, place in places.items() if place is not None}


def has_obvious_columns(path: Path) -> bool:
    """Whether the file is a CSV whose columns of images and labels have obvious names."""
    return {"image", "label"} <= obvious_columns(read_header(path)).keys()


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
        return files.is_table
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
