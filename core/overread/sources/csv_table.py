"""Reads a table with one row per image, or several tables with the same columns, one for each split."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from overread.errors import ManifestError
from overread.records import Source, SourceRow
from overread.sources.columns import free_name
from overread.sources.folder import SPLITS, class_folders
from overread.sources.found_images import is_file
from overread.sources.image_paths import normal_path, path_fault
from overread.sources.indicators import read_indicators
from overread.sources.label_classes import listed, with_classes
from overread.sources.layout_rows import with_layout
from overread.sources.layouts import layout_of
from overread.sources.request import COLUMN_KINDS, NO_COLUMNS, ColumnNames, ImportRequest, column_flag
from overread.sources.source_files import TABLES, SourceFiles, tables_in
from overread.sources.source_format import LabelPlace, SourceFormat
from overread.sources.table_columns import (
    LABEL_NAMES,
    OPTIONAL_NAMES,
    find_column,
    label_question,
    obvious_place,
    place_of,
    quoted,
)
from overread.sources.table_search import FoundTable, choose_tables, table_name, with_image_column
from overread.sources.tables.class_names import class_names
from overread.sources.tables.table_cells import TableCells
from overread.sources.tables.table_file import read_cells

_VECTOR = re.compile(r"\[[01](?:\.0*)?(?:[, ]+[01](?:\.0*)?)+\]")
"""A label as a network is trained with it."""


@dataclass(frozen=True, slots=True)
class _Labels:
    """What a table's labels are, and where."""

    cells: list[str]
    column: str
    is_added: bool = False
    """Whether the column is not the table's own."""
    classes: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()


def read_table(path: Path, root: Path, columns: ColumnNames = NO_COLUMNS) -> Source:
    """A table whose image paths are relative to `root`, or to its own folder below it. Columns that aren't named are
    recognised if their names are obvious (image, label, patient, slide, split).

    Raises ManifestError for a ragged row, or a column that is missing, duplicated or not obvious; SourceError for a
    file that is empty or not a table.
    """
    return _read_tables([FoundTable(path, read_cells(path))], root, ImportRequest(root, columns=columns))


def _read_tables(tables: Sequence[FoundTable], root: Path, request: ImportRequest) -> Source:
    """The rows of tables that have the same columns; of several, each one's own split."""
    path, header = tables[0].path, tables[0].cells.header
    layout = layout_of(header)
    columns = layout.filled(request.columns, header) if layout else request.columns
    columns = replace(columns, image=columns.image or tables[0].image_column)
    image = find_column(path, header, columns, "image")
    joined = TableCells(header, [each for table in tables for each in table.cells.records])
    names_images = _names_images(tables[0], image, root)
    given = f"--labels {quoted(table_name(path, root))} " if len(tables) == 1 else ""
    asked = replace(request, columns=columns)
    labels = _labels(path, joined, asked, header[image], given=given, names_images=names_images)
    places, messages = _optional_places(path, joined, columns)
    raters = [place_of(path, header, name, column_flag("raters")) for name in columns.raters]
    rater_names = tuple(_rater_name(header[place]) for place in raters)
    if len(set(rater_names)) < len(rater_names):
        raise ManifestError(
            f"{path.name}: two rater columns have the same name, {', '.join(columns.raters)}; give each once"
        )
    rows: list[SourceRow] = []
    cells: list[tuple[str, ...]] = []
    for table in tables:
        folder, first = _folder_below(table.path, root), len(rows)
        for number, record in table.cells.records:
            optional = {kind: record[place].strip() for kind, place in places.items()}
            split = optional.pop("split", table.split if len(tables) > 1 else "").lower()
            label = labels.cells[len(rows)]
            votes = tuple(record[place].strip() for place in raters)
            file = _beside(record[image], folder, root)
            split = SPLITS.get(split, split)
            rows.append(SourceRow(first + number, file, label.strip(), **optional, split=split, raters=votes))
            cells.append((*record, label) if labels.is_added else tuple(record))
    if others := sorted({row.split for row in rows} - set(SPLITS.values()) - {""}):
        messages.append(
            f"{path.name}: splits {listed(others)} are not train, val or test: every split except test is used for "
            "training"
        )
    if len(tables) > 1:
        names = listed([_name(table, root) for table in tables])
        messages.append(f"{names} were read together{', each as a split' if tables[0].split else ''}")
    source = Source(
        root=str(root.resolve()),
        format="csv",
        columns=(*header, labels.column) if labels.is_added else tuple(header),
        cells=tuple(cells),
        image_column=header[image],
        label_column=labels.column,
        rows=tuple(rows),
        labels_file=", ".join(_name(table, root) for table in tables) if len(tables) > 1 else str(path.resolve()),
        rater_names=rater_names,
        classes=labels.classes,
        messages=(*(note for table in tables for note in table.cells.messages), *messages, *labels.messages),
    )
    if layout:
        return with_layout(source, layout, path, request.classes)
    return source if request.classes or labels.is_added else _with_names(source, path)


def _with_names(source: Source, path: Path) -> Source:
    """The source with the names of its classes, if its labels are codes and the names lie beside the table."""
    names, file = class_names(path, source.label_column, (row.label for row in source.rows))
    if len(names) < 2:
        return source
    pairs = [f"{code}={name}" for code, name in names.items()]
    message = f"the names of the classes are those of {file}: {listed(pairs)}"
    return with_classes(replace(source, messages=(*source.messages, message)), pairs, path.name)


def _labels(
    path: Path, table: TableCells, request: ImportRequest, image: str, *, given: str, names_images: bool
) -> _Labels:
    named = request.columns.label
    messages: tuple[str, ...] = ()
    if named is None:
        place, messages = _obvious_label(path, table)
    else:
        place = place_of(path, table.header, named, column_flag("label"))
    if table.records and (
        found := read_indicators(table, request, path.name, has_label=place is not None, names_images=names_images)
    ):
        column = free_name(found.column, table.header)
        return _Labels(found.labels, column, True, found.classes, found.messages)
    if place is None:
        raise label_question(path, table, image, given=given, names_images=names_images)
    return _Labels(table.column(place), table.header[place], messages=messages)


def _obvious_label(path: Path, table: TableCells) -> tuple[int | None, tuple[str, ...]]:
    """The place of the first obvious column of labels that holds several, and a message if there are others."""
    places = [place for name in LABEL_NAMES if (place := obvious_place(table.header, (name,))) is not None]
    usable = [place for place in places if _holds_labels(table.column(place))] or places
    if len(places) < 2:
        return next(iter(usable), None), ()
    names = listed([repr(table.header[place]) for place in places if place != usable[0]])
    message = f"{path.name}: column {table.header[usable[0]]!r} was taken as the label, not {names}; --label-column"
    return usable[0], (f"{message} names another",)


def _holds_labels(cells: list[str]) -> bool:
    """Whether there are several labels, none of which is a list of zeros and ones."""
    kinds = {cell.strip() for cell in cells} - {""}
    return len(kinds) > 1 and not all(_VECTOR.fullmatch(cell) for cell in kinds)


def _names_images(table: FoundTable, image: int, root: Path) -> bool:
    """Whether any image is there that a table names. image: the place of the column."""
    folder = _folder_below(table.path, root)
    paths = (normal_path(_beside(record[image], folder, root)) for _, record in table.cells.records)
    return bool(table.image_column) or any(is_file(root, path) for path in paths)


def _optional_places(path: Path, table: TableCells, columns: ColumnNames) -> tuple[dict[str, int], list[str]]:
    """The places of the columns of patient, slide, split and reader, and messages on those that were not named."""
    places, messages = {}, []
    header = table.header
    for kind, names in OPTIONAL_NAMES.items():
        if (named := getattr(columns, kind)) is not None:
            places[kind] = place_of(path, header, named, column_flag(kind))
            continue
        place = obvious_place(header, names)
        if place is None and kind == "split":
            place = next((place for place in range(len(header)) if _are_splits(table.column(place))), None)
        if place is not None:
            places[kind] = place
            if kind != "reader":  # who matters only where an image has several
                messages.append(f"{path.name}: column {header[place]!r} was taken as the {kind}")
    return places, messages


def _are_splits(cells: list[str]) -> bool:
    """Whether a column holds names of several splits, and nothing else."""
    if not all(cell.strip().lower() in SPLITS for cell in cells):
        return False
    return len({cell.strip().lower() for cell in cells}) > 1


def _name(table: FoundTable, root: Path) -> str:
    """The table's path from the root; its name alone if it lies elsewhere."""
    return "/".join(filter(None, (_folder_below(table.path, root), table.path.name)))


def _folder_below(path: Path, root: Path) -> str:
    """The folder of a table as a path from the root, if it is below it; else empty."""
    folder, place = path.resolve().parent, root.resolve()
    if folder == place or not folder.is_relative_to(place):
        return ""
    return folder.relative_to(place).as_posix()


def _beside(image: str, folder: str, root: Path) -> str:
    """The path from the root of an image that is named relative to its table's folder."""
    if not folder or path_fault(image):
        return image
    beside = str(PurePosixPath(folder) / normal_path(image))
    return beside if is_file(root, beside) else image


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
    if files.request.columns.named or choose_tables(files, is_asked=False):
        return True
    return bool(tables_in(files.root)) and len(class_folders(files.root)) < 2


def _read(files: SourceFiles) -> Source:
    request = files.request
    if files.labels_file is not None:
        tables = [with_image_column(files.labels_file, files, request.columns)]
    else:
        tables = choose_tables(files)
    source = _read_tables(tables, files.root, request)
    read = {table.path.with_suffix("") for table in tables}
    if others := [path.name for path in tables_in(files.root) if path.with_suffix("") not in read]:
        message = f"other tables lie in {files.root.name} and were not read: {listed(others)}; --labels FILE reads one"
        source = replace(source, messages=(*source.messages, message))
    is_asked = request.format or request.columns.named or files.labels_file
    if is_asked or len(class_folders(files.root)) < 2:
        return source
    names = listed([_name(table, files.root) for table in tables])
    message = f"the labels are those of {names}, not the names of the folders beside it; those are --format folder"
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
