"""CSV tables of text, whose cells are read back unchanged; those of a study have a checksum."""

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from overread.errors import StudyError
from overread.files import csv_records, csv_text, write_atomically
from overread.studies.study_file import TableSum

_REMEDY = "restore it from a backup (`overread restore`), or rebuild it with `overread import ... --update`"


def read_text_table(path: Path) -> pd.DataFrame:
    """A CSV with every cell as text, empty cells as empty text, and the header as written.

    Not pandas' own reader: that renames columns without a name or of the same name.
    """
    return _parsed(path.read_bytes())


def write_text_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> TableSum:
    """Write a CSV of text, atomically; `read_text_table` reads each cell back unchanged."""
    table = [columns, *rows]
    content = csv_text(table).encode()
    write_atomically(path, content)
    return TableSum(hashlib.sha256(content).hexdigest(), len(table) - 1)


def read_study_table(path: Path, written: TableSum | None, columns: Sequence[str]) -> pd.DataFrame:
    """A table of a study. written: its checksum, where that is known; columns: those that it must have.

    Raises StudyError for a damaged table, and with another message for one that somebody has changed.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StudyError(f"{path}: is missing or damaged ({type(error).__name__}); {_REMEDY}") from error
    try:
        table = _parsed(content)
        is_whole = set(columns) <= set(table.columns)
    except (ValueError, csv.Error):
        table, is_whole = None, False
    if written is not None and hashlib.sha256(content).hexdigest() != written.sha256:
        if is_whole and table is not None and len(table) == written.num_rows:
            raise StudyError(
                f"{path}: was changed since Overread wrote it, by hand or by another program, and files that depend "
                "on it would no longer match; change the source's own labels instead and run `import "
                "--update`, or restore the file from a backup (`overread restore`)"
            )
        num_rows = min(_num_rows(content), written.num_rows)
        raise StudyError(f"{path}: is damaged: holds {num_rows} of its {written.num_rows} rows; {_REMEDY}")
    if table is None or not is_whole:
        raise StudyError(f"{path}: is damaged: its rows and columns do not match; {_REMEDY}")
    return table


def _parsed(content: bytes) -> pd.DataFrame:
    """Raises ValueError or csv.Error where it is not a table."""
    rows = list(csv_records(io.StringIO(content.decode(), newline="")))
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        raise ValueError("not a table")
    return pd.DataFrame(rows[1:], columns=rows[0], dtype=str)


def _num_rows(content: bytes) -> int:
    """The approximate number of complete rows in a damaged table."""
    return max(content.count(b"\n") - 1, 0)
