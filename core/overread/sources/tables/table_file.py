"""Reads the cells of a labels file, of whatever kind of table it is: its content tells which, not its suffix."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from overread.errors import ManifestError, SourceError
from overread.sources.tables.delimited import read_delimited, read_delimited_header
from overread.sources.tables.json_records import is_json, read_json_cells, read_json_header
from overread.sources.tables.other_kinds import not_a_table, other_kind
from overread.sources.tables.parquet_table import PARQUET, read_parquet_cells, read_parquet_header
from overread.sources.tables.table_cells import TableCells
from overread.sources.tables.table_text import first_bytes
from overread.sources.tables.workbook import is_workbook, other_workbook, read_workbook, read_workbook_header

ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class _Reader:
    """How a kind of table is read."""

    cells: Callable[[Path], TableCells]
    header: Callable[[Path], list[str]]


_WORKBOOK = _Reader(read_workbook, read_workbook_header)
_PARQUET = _Reader(read_parquet_cells, read_parquet_header)
_JSON = _Reader(read_json_cells, read_json_header)
_DELIMITED = _Reader(read_delimited, read_delimited_header)


def read_cells(path: Path) -> TableCells:
    """All cells of a table, as text: CSV and its kin, also packed with gzip; .xlsx; Parquet; JSON; lists of images.

    Raises ManifestError for a ragged row, SourceError for a file that is empty or no table, which names what it is.
    """
    return _reader(path).cells(path)


def read_header(path: Path) -> list[str]:
    """The names of the columns; none if the file is not a table."""
    try:
        return _reader(path).header(path)
    except (ManifestError, SourceError):
        return []


def _reader(path: Path) -> _Reader:
    start = first_bytes(path)
    if start.startswith(ZIP):
        if is_workbook(path):
            return _WORKBOOK
        if other := other_workbook(path):
            raise SourceError(f"{path}: this file is {other}; save it as .xlsx or CSV")
    if start.startswith(PARQUET):
        return _PARQUET
    if other_kind(start):
        raise not_a_table(path, start)
    return _JSON if is_json(start) else _DELIMITED
