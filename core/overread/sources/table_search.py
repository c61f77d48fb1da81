"""Finds the tables that name the images of a source's folder: in it, in its folders, and beside it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from overread.errors import ManifestError, SourceError
from overread.files import is_study
from overread.sources.folder import SPLITS, files_below
from overread.sources.found_images import ImageIndex
from overread.sources.source_files import tables_in
from overread.sources.tables.table_cells import TableCells
from overread.sources.tables.table_file import read_cells

_DEPTH = 3
"""How many folders deep tables are looked for."""
_NUM_LOOKED_AT = 200
"""Rows from all over a table."""
_LEAST_SHARE = 0.5
"""Of the cells of a column that names the images."""


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table of which a column names images of the source."""

    path: Path
    cells: TableCells
    image_column: str

    @property
    def split(self) -> str:
        """The split that the file, or else its folder, is named for; empty if neither is."""
        words = self.path.stem.casefold().replace("-", "_").split("_")
        named = [SPLITS[word] for word in words if word in SPLITS]
        return named[0] if len(set(named)) == 1 else SPLITS.get(self.path.parent.name.casefold(), "")


def tables_of_images(root: Path) -> list[FoundTable]:
    """The tables that name images below a folder: directly in it, else in its folders, else beside it."""
    index = ImageIndex.of(files_below(root))
    places = (tables_in(root), list(_tables_below(root)), _tables_beside(root))
    for paths in places:
        if found := [table for path in paths if (table := _found_table(path, index)) is not None]:
            return found
    return []


def image_column(cells: TableCells, index: ImageIndex) -> str | None:
    """The column whose cells name most of the images; None if no column names half of its rows' images."""
    records = [record for _, record in cells.records]
    looked_at = records[:: len(records) // _NUM_LOOKED_AT + 1]
    best, most = None, 0.0
    for place, title in enumerate(cells.header):
        named = [record[place] for record in looked_at if record[place].strip()]
        share = sum(map(index.may_name, named)) / len(looked_at) if looked_at else 0
        if share >= _LEAST_SHARE and share > most and len(set(named)) > 1:
            best, most = title, share
    return best


def _found_table(path: Path, index: ImageIndex) -> FoundTable | None:
    try:
        cells = read_cells(path)
    except (ManifestError, SourceError, OSError):
        return None
    column = image_column(cells, index)
    return None if column is None else FoundTable(path, cells, column)


def _tables_below(root: Path, depth: int = 1) -> Iterator[Path]:
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if not is_study(folder):
            yield from tables_in(folder)
            if depth < _DEPTH:
                yield from _tables_below(folder, depth + 1)


def _tables_beside(root: Path) -> list[Path]:
    try:
        return tables_in(root.resolve().parent)
    except OSError:
        return []
