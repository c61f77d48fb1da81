"""Reads the cells of a labels file, of whatever kind of table it is."""

from pathlib import Path

from overread.errors import ManifestError, SourceError
from overread.sources.tables.delimited import read_delimited
from overread.sources.tables.table_cells import TableCells


def read_cells(path: Path) -> TableCells:
    """All cells of a table, as text.

    Raises ManifestError for a ragged row, SourceError for a file that is empty or no table.
    """
    return read_delimited(path)


def read_header(path: Path) -> list[str]:
    """The names of the columns; none if the file is not a table."""
    try:
        return read_delimited(path, num_records=1).header
    except (ManifestError, SourceError):
        return []
