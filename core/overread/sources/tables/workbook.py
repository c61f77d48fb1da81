"""Reads the cells of an Excel workbook (.xlsx, .xlsm) as Excel shows them."""

import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from overread.errors import SourceError
from overread.sources.tables.cell_text import cell_text
from overread.sources.tables.missing_header import header_for
from overread.sources.tables.table_cells import TableCells
from overread.sources.tables.title_rows import without_titles

Numbered = tuple[int, list[str]]

_WORKBOOK = "xl/workbook.xml"
_OTHERS = (
    ("xl/workbook.bin", "a binary Excel workbook (.xlsb)"),
    ("content.xml", "an OpenDocument file (.ods)"),
    ("Index/Document.iwa", "a Numbers spreadsheet"),
)
"""A part that such a file has, and what it is."""
_MAX_UNPACKED_BYTES = 2**31
_LEADING_ZEROS = re.compile(r"0{2,}")
"""The number format that shows 12 as 00012."""
_NUM_SNIFFED = 50


def is_workbook(path: Path) -> bool:
    """Whether a file is a workbook that `read_workbook` reads."""
    return _WORKBOOK in _parts(path)


def is_spreadsheet(path: Path) -> bool:
    """Whether a zip archive is a spreadsheet, of Excel or another program."""
    return is_workbook(path) or bool(other_workbook(path))


def other_workbook(path: Path) -> str:
    """What a zip archive is if it is another program's spreadsheet; empty if it is none."""
    parts = _parts(path)
    return next((what for part, what in _OTHERS if part in parts), "")


def read_workbook(path: Path) -> TableCells:
    """The cells of the first sheet that is a table, or else has rows; a message says which, if there are several.

    Numbers are written as Excel shows them: 12 in the format 00012 is 00012, 3.0 is 3; dates are ISO 8601.
    Raises SourceError for a workbook that is empty or damaged.
    """
    with _opened(path) as book:
        found = ((sheet.title, list(_records(sheet))) for sheet in book.worksheets)
        if sheet := _chosen(found):
            return _table(path, book.sheetnames, *sheet)
    raise SourceError(f"{path}: the workbook has no rows; add a header and a row for each image")


def read_workbook_header(path: Path) -> list[str]:
    """The names of the columns of that sheet; none if the workbook has no rows. Raises SourceError if damaged."""
    with _opened(path) as book:
        found = ((sheet.title, list(islice(_records(sheet), _NUM_SNIFFED))) for sheet in book.worksheets)
        sheet = _chosen(found)
        return _table(path, book.sheetnames, *sheet).header if sheet else []


def _chosen(sheets: Iterable[tuple[str, list[Numbered]]]) -> tuple[str, list[Numbered]] | None:
    """The first sheet with several rows of several cells, or else with any row: before a table there may be notes."""
    first = None
    for title, records in sheets:
        if sum(len(record) > 1 for _, record in records) > 1:
            return title, records
        if records and first is None:
            first = title, records
    return first


def _table(path: Path, sheets: list[str], title: str, records: list[Numbered]) -> TableCells:
    width = max(len(record) for _, record in records)
    even = [(number, record + [""] * (width - len(record))) for number, record in records]
    even, left_out = without_titles(path, even)
    header = header_for(path, [record for _, record in even])
    messages = list(filter(None, (left_out, header.message)))
    if len(sheets) > 1:
        others = ", ".join(name for name in sheets if name != title)
        messages.append(f"{path.name}: sheet {title} was read; to read another one ({others}), save it as CSV")
    return TableCells(header.names, even if header.message else even[1:], tuple(messages))


def _records(sheet: Any) -> Iterator[Numbered]:
    """The rows that hold anything, without the empty cells at their ends."""
    sheet.reset_dimensions()  # some programs write a wrong size, which openpyxl would stop at
    for number, row in enumerate(sheet.iter_rows(), start=1):
        record = _shown(row)
        if record:
            yield number, record


def _shown(row: Iterable[Any]) -> list[str]:
    cells = [_text(cell) for cell in row]
    while cells and not cells[-1].strip():
        cells.pop()
    return cells


def _text(cell: Any) -> str:
    value = cell.value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int) and value >= 0 and _LEADING_ZEROS.fullmatch(cell.number_format or ""):
        return str(value).zfill(len(cell.number_format))
    return cell_text(value)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    from openpyxl import load_workbook

    with zipfile.ZipFile(path) as archive:
        num_bytes = sum(part.file_size for part in archive.infolist())
    if num_bytes > _MAX_UNPACKED_BYTES:
        raise SourceError(f"{path}: unpacks to {num_bytes >> 20} MiB; save the sheet with the labels as CSV")
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on styles and the like, which are not read
        try:
            book = load_workbook(file, read_only=True, data_only=True)
            yield book
            book.close()
        except SourceError:
            raise
        except Exception as error:  # a damaged workbook makes openpyxl raise nearly anything
            kind = type(error).__name__
            raise SourceError(f"{path}: this workbook cannot be read ({kind}); save it again, or as CSV") from error


def _parts(path: Path) -> set[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return set()
