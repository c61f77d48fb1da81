"""The cells of a table, whatever file they were read from."""

import re
from dataclasses import dataclass
from itertools import pairwise

_UNNAMED = re.compile(r"|Unnamed: \d+|__index_level_\d+__|index", re.IGNORECASE)
"""What a column is called into which pandas wrote its index: nothing, and then what pandas makes of that."""
_MOST_DIGITS = 19
"""What counts rows has fewer."""


@dataclass(frozen=True, slots=True)
class TableCells:
    """A table as text, before anything is known of its columns."""

    header: list[str]
    records: list[tuple[int, list[str]]]
    """Each with its number as a spreadsheet counts (a header is row 1), and as many cells as the header."""
    messages: tuple[str, ...] = ()
    """What the user should know of how the file was read."""

    def column(self, place: int) -> list[str]:
        """The cells of a column, from top to bottom."""
        return [record[place] for _, record in self.records]

    def index_columns(self) -> frozenset[int]:
        """The places of columns that only count the rows, or hold nothing: never an image, nor a label.

        They have no name, or one that pandas gives to its index, and hold ascending whole numbers or blanks.
        """
        unnamed = (place for place, name in enumerate(self.header) if _UNNAMED.fullmatch(name.strip()))
        return frozenset(place for place in unnamed if _counts(self.column(place)))


def _counts(cells: list[str]) -> bool:
    if not any(cell.strip() for cell in cells):
        return True
    if not all(cell.isascii() and cell.isdigit() and len(cell) < _MOST_DIGITS for cell in cells):
        return False
    return all(int(low) < int(high) for low, high in pairwise(cells))
