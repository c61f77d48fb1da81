"""Leaves out what people and programs write above a table's header: a title, the date of the export, comments."""

from collections.abc import Sequence
from pathlib import Path

_MOST = 10
"""Rows above a header."""
_COMMENT = "#"

Numbered = tuple[int, list[str]]


def without_titles(path: Path, records: Sequence[Numbered]) -> tuple[list[Numbered], str]:
    """The records from the header on, and a message on those above it, empty if there are none.

    Above the header are rows with one cell at most that is not empty, and comments, if most rows have several cells.
    path: of the table, for the message.
    """
    most = sorted(map(_num_cells, records))[len(records) // 2] if records else 0
    first = next((place for place, record in enumerate(records) if not _is_title(record, most)), 0)
    if most < 2 or not 0 < first <= _MOST:
        return list(records), ""
    count = f"{first} rows" if first > 1 else "1 row"
    return list(records[first:]), f"{path.name}: {count} above the header left out"


def _is_title(record: Numbered, most: int) -> bool:
    num_cells = _num_cells(record)
    return num_cells < 2 or (num_cells < most and record[1][0].strip().startswith(_COMMENT))


def _num_cells(record: Numbered) -> int:
    return sum(bool(cell.strip()) for cell in record[1])
