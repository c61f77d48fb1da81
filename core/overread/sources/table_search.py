"""Finds the tables that name the images of a source's folder: in it, in its folders, and beside it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from overread.errors import ManifestError, SourceError
from overread.files import is_study
from overread.records import Question
from overread.sources.folder import SPLITS, class_folders, files_below
from overread.sources.folder_names import word_set
from overread.sources.found_images import ImageIndex, is_file
from overread.sources.group_tables import with_images_of_groups
from overread.sources.image_paths import normal_path
from overread.sources.import_roots import is_below
from overread.sources.indicators import has_indicators
from overread.sources.label_classes import listed
from overread.sources.layouts import is_released
from overread.sources.request import NO_COLUMNS, ColumnNames
from overread.sources.source_files import SourceFiles, tables_in
from overread.sources.table_columns import likely_labels, obvious_columns
from overread.sources.tables.table_cells import TableCells
from overread.sources.tables.table_file import read_cells

_DEPTH = 3
"""How many folders deep tables are looked for."""
_OWN_EXPORT = frozenset(("final_label", "is_changed", "label_error_probability"))
"""Columns of a CSV that was exported from a study of these images."""
_OF_PREDICTIONS = word_set("submission submissions prediction predictions predicted pred preds inference")
"""Words in the name of a table that has no labels, whatever its columns are called."""
_OF_IMAGES = (re.compile(r"image|img|file|path|scan", re.IGNORECASE), re.compile(r"id\b|name", re.IGNORECASE))
"""What columns of images are called, and what they may be called."""
_NUM_LOOKED_AT = 200
"""Rows from all over a table."""
_LEAST_SHARE = 0.5
"""Of the rows, that name an image in the column of the images."""


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table that names images of the source."""

    path: Path
    cells: TableCells
    image_column: str | None = None
    """The column that names them, where its name is not obvious."""

    @property
    def split(self) -> str:
        """The split that the file, or else its folder, is named for; empty if neither is."""
        named = {SPLITS[word] for word in _words(self.path) if word in SPLITS}
        return named.pop() if len(named) == 1 else SPLITS.get(self.path.parent.name.casefold(), "")

    def has_columns(self, columns: ColumnNames) -> bool:
        """Whether it has all columns that the user named."""
        names = {name.strip() for name in self.cells.header}
        asked = [getattr(columns, kind) for kind in columns.named if kind != "raters"]
        return names.issuperset(name.strip() for name in (*asked, *columns.raters))

    def has_labels(self, columns: ColumnNames) -> bool:
        """Whether its labels are obvious, or in the column that the user named."""
        return bool(columns.label) or "label" in obvious_columns(self.cells.header) or has_indicators(self.cells)

    def may_have_labels(self) -> bool:
        """Whether any column could be that of the labels."""
        return self.has_labels(NO_COLUMNS) or bool(likely_labels(self.cells, self.image_column or ""))


def choose_tables(files: SourceFiles, *, is_asked: bool = True) -> list[FoundTable]:
    """The table of a source's folder that has the labels; several if they have the same columns, one for each split.

    is_asked: whether to raise SourceError if there is none, or if it is not clear which is meant; else none is
    returned if none names the images, and all if it is not clear.
    """
    columns = files.request.columns
    found = tables_of_images(files)
    if found and _is_beside(found[0].path, files.root) and len(class_folders(files.root)) > 1 and not columns.named:
        raise _beside_question(found[0].path, files.root)
    if not found and is_asked:
        return [_only_table(files)]
    is_asked_for = columns.named or files.request.format
    if not is_asked_for and _has_class_folders(files.root) and _are_beside_the_point(found):
        return []
    meant = [table for table in found if table.has_columns(columns)] or found
    meant = [table for table in meant if is_released(table.path.name, table.cells.header)] or meant
    meant = [table for table in meant if table.has_labels(columns)] or meant
    if len(meant) < 2 or _are_splits(meant) or _are_parts(meant) or not is_asked:
        return meant
    names = [table_name(table.path, files.root) for table in meant]
    titles = [[title.strip() for title in table.cells.header if title.strip()] for table in meant]
    told = [f"{name} ({listed(header)})" for name, header in zip(names, titles, strict=True)]
    more = ""
    if len(class_folders(files.root)) > 1:
        more = ". If the names of the folders are the labels, give --format folder"
    raise SourceError(
        f"{files.root}: which table contains the labels? Specify it with --labels FILE, one of: {'; '.join(told)}"
        f"{more}",
        question=Question("labels", "Which table contains the labels?", tuple((str(t.path), 0) for t in meant)),
    )


def table_name(path: Path, root: Path) -> str:
    """What names a table after --labels: its path from the root, or the whole path if it lies elsewhere."""
    place = path.resolve()
    return place.relative_to(root.resolve()).as_posix() if place.is_relative_to(root.resolve()) else str(path)


def _are_beside_the_point(tables: Sequence[FoundTable]) -> bool:
    """Whether none of the tables has labels, or each lies in a folder of its own and none has obvious ones."""
    if any(table.has_labels(NO_COLUMNS) for table in tables):
        return False
    folders = {table.path.parent for table in tables}
    is_one_each = 1 < len(tables) == len(folders) and not _are_splits(tables)
    return is_one_each or not any(table.may_have_labels() for table in tables)


def _has_class_folders(root: Path) -> bool:
    """Whether there are several folders with files, in the root or in single folders around them."""
    folders = class_folders(root)
    while len(folders) == 1:
        folders = class_folders(folders[0])
    return len(folders) > 1


def _is_beside(path: Path, root: Path) -> bool:
    return path.parent == root.resolve().parent


def _beside_question(path: Path, root: Path) -> SourceError:
    public = "A table beside the folder names its images. Give it as the labels file, or choose one folder per class."
    return SourceError(
        f"{path} lies beside {root.name} and names its images: give --labels {path} to read its labels, or --format "
        "folder to take the names of the folders",
        public=public,
        question=Question("labels", public, ((str(path), 0),)),
    )


def tables_of_images(files: SourceFiles) -> list[FoundTable]:
    """The tables that name images of a source: directly in its folder, else in its folders, else beside it."""
    root, within = files.root, files.request.within
    index = ImageIndex.of(files_below(root))
    for paths in (tables_in(root), list(_tables_below(root)), _tables_beside(root)):
        allowed = [path for path in paths if not within or is_below(path, within)]
        if found := [table for path in _each_once(allowed) if (table := _found_table(path, root, index)) is not None]:
            return found
    return []


def with_image_column(path: Path, files: SourceFiles, columns: ColumnNames = NO_COLUMNS) -> FoundTable:
    """A table that the user named, with the column of its images; see `read_cells` for the errors."""
    cells = read_cells(path)
    if columns.image is not None or _is_obvious(cells, (files.root, path.parent)):
        return FoundTable(path, cells)
    index = ImageIndex.of(files_below(files.root))
    return _with_image_column(path, cells, index) or _of_groups(path, cells, index)


def _only_table(files: SourceFiles) -> FoundTable:
    """The only table of a folder, which names no images: perhaps it has groups of them."""
    path = files.only_table()
    if _words(path) & _OF_PREDICTIONS:
        raise SourceError(
            f"{path}: predictions, by its name, and no labels; give the table of the labels with --labels"
        )
    cells = read_cells(path)
    if files.request.columns.image:
        return FoundTable(path, cells)
    return _of_groups(path, cells, ImageIndex.of(files_below(files.root)))


def _of_groups(path: Path, cells: TableCells, index: ImageIndex) -> FoundTable:
    """A table with a row for each image of the groups that it names, unless an obvious column names images."""
    obvious = obvious_columns(cells.header).get("image")
    if obvious and any(index.candidates(normal_path(cell)) for cell in cells.column(cells.header.index(obvious))):
        return FoundTable(path, cells)
    found = with_images_of_groups(cells, index.files, path.name)
    return FoundTable(path, *found) if found else FoundTable(path, cells)


def _found_table(path: Path, root: Path, index: ImageIndex) -> FoundTable | None:
    if _words(path) & _OF_PREDICTIONS:
        return None
    try:
        cells = read_cells(path)
    except (ManifestError, SourceError, OSError):
        return None
    if _OWN_EXPORT.issubset(cells.header):
        return None
    if _is_obvious(cells, (root, path.parent)):
        return FoundTable(path, cells)
    return _with_image_column(path, cells, index)


def _is_obvious(cells: TableCells, roots: Sequence[Path]) -> bool:
    """Whether the column with the obvious name names files relative to one of the roots."""
    column = obvious_columns(cells.header).get("image")
    if column is None:
        return False
    place = cells.header.index(column)
    paths = [normal_path(record[place]) for record in _some(cells) if record[place].strip()]
    return any(is_file(root, path) for root in roots for path in paths)


def _with_image_column(path: Path, cells: TableCells, index: ImageIndex) -> FoundTable | None:
    """The table with the column whose cells name most of the images, and a message if others name other images; None
    if no column names half of its rows' images."""
    records = _some(cells)
    counting = cells.index_columns()
    shares: dict[int, float] = {}
    ranks: dict[int, tuple[float, int, bool, int, int]] = {}
    for place, title in enumerate(cells.header if records else ()):
        named = [record[place] for record in records if record[place].strip()]
        is_one_name = bool(named) and len(set(named)) == 1 and "." in named[0]  # 0.png in every folder
        if len(set(named)) > min(len(records) - 1, 1) or is_one_name:
            shares[place] = sum(map(index.closeness, named)) / len(records)
            # Of columns that name images as surely, an age and a row's number are not meant.
            called = next((-rank for rank, words in enumerate(_OF_IMAGES) if words.search(title)), -len(_OF_IMAGES))
            num_found = sum(bool(index.candidates(normal_path(cell))) for cell in named)
            ranks[place] = (shares[place], num_found, place not in counting, called, len(set(named)))
    best = max(ranks, key=ranks.__getitem__, default=None)
    if best is None or shares[best] < _LEAST_SHARE:
        return None
    titles = [
        repr(cells.header[place])
        for place in shares
        if place not in counting and shares[place] >= _LEAST_SHARE and _name_others(records, place, best)
    ]
    if titles:
        told = f"the images are those of column {cells.header[best]!r}, not of {listed(titles)}"
        message = f"{path.name}: {told}; --image-column names another"
        cells = replace(cells, messages=(*cells.messages, message))
    return FoundTable(path, cells, cells.header[best])


def _name_others(records: Sequence[Sequence[str]], place: int, best: int) -> bool:
    """Whether a column names an image of its own in each row, and most of them are not those of the best column."""
    num_distinct = len({record[place] for record in records})
    num_other = sum(_name(record[place]) != _name(record[best]) for record in records)
    return num_distinct > len(records) / 2 and num_other > len(records) / 2


def _name(cell: str) -> str:
    """The name of an image's file without folders and suffix."""
    return PurePosixPath(normal_path(cell)).stem


def _some(cells: TableCells) -> list[list[str]]:
    records = [record for _, record in cells.records]
    return records[:: len(records) // _NUM_LOOKED_AT + 1]


def _are_splits(tables: Sequence[FoundTable]) -> bool:
    splits = [table.split for table in tables]
    return all(splits) and len(set(splits)) == len(splits) and len({tuple(t.cells.header) for t in tables}) == 1


def _are_parts(tables: Sequence[FoundTable]) -> bool:
    """Whether tables with the same columns lie in a folder each, and name the images beside them."""
    if len({table.path.parent for table in tables}) < len(tables) or len({tuple(t.cells.header) for t in tables}) > 1:
        return False
    return all(_is_obvious(table.cells, (table.path.parent,)) for table in tables)


def _words(path: Path) -> set[str]:
    """The words in the name of a file, in lower case."""
    return set(re.findall(r"[a-z]+", path.stem.casefold()))


def _each_once(paths: Sequence[Path]) -> list[Path]:
    """The first of the tables that have the same name but for the suffix: metadata.csv beside metadata.jsonl."""
    return list({path.with_suffix(""): path for path in reversed(paths)}.values())[::-1]


def _tables_below(root: Path, depth: int = 1) -> Iterator[Path]:
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if not is_study(folder):
            yield from tables_in(folder)
            if depth < _DEPTH:
                yield from _tables_below(folder, depth + 1)


def _tables_beside(root: Path) -> list[Path]:
    folder = root.resolve().parent
    try:
        return [] if is_study(folder) else tables_in(folder)
    except OSError:
        return []
