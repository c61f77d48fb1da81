"""The cells of a table, whatever file they were read from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TableCells:
    """A table as text, before anything is known of its columns."""

    header: list[str]
    records: list[tuple[int, list[str]]]
    """Each with its number as a spreadsheet counts (the header is row 1), and as many cells as the header."""
    messages: tuple[str, ...] = ()
    """What the user should know of how the file was read."""
