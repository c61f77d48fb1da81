"""Reads a table of text: cells separated by commas, semicolons, tabs or blanks, with a header or without."""

import io
import re
from collections.abc import Iterator
from csv import Error
from itertools import islice
from pathlib import Path

from overread.errors import ManifestError, SourceError
from overread.files import csv_records
from overread.sources.tables.missing_header import Header, digits_as_0, header_for, lists_images, names_images
from overread.sources.tables.row_widths import with_even_rows
from overread.sources.tables.table_cells import TableCells
from overread.sources.tables.table_text import WESTERN, decoded
from overread.sources.tables.title_rows import without_titles

_DELIMITERS = (",", ";", "\t")
_NUM_SNIFFED = 50
_SNIFFED_CHARACTERS = 65_536
_QUOTED = re.compile(r'(?<![^,;\t\r\n])"[^"]*(?:""[^"]*)*"')
"""A cell in double quotes: delimiters in it don't count."""
_EXCEL_DELIMITER = re.compile(r'"?sep=([^"\r\n])"?[,;\t]*(\r\n|\r|\n)')
"""The first line by which Excel is told the delimiter."""
_LINE_END = re.compile(r"\r\n|\r|\n")
_BARE_CELL = re.compile(r'"[^"]*"(?!\S)|\S+')
"""A cell between blanks; in quotes it may contain some."""
_NAME_THEN_CELL = re.compile(r"(\S.*\.[A-Za-z]\w{2,4})\s+(\S+)\s*")
"""The name of a file, which may contain blanks, and one cell more."""

Numbered = tuple[int, list[str]]


def read_delimited(path: Path) -> TableCells:
    """All cells of a table of text. Excel's line `sep=;` is heeded; blank lines are not records.

    Where the first row is an image's already, the columns are named here, which a message says; so are short rows.
    Raises ManifestError for a ragged row, SourceError for a file that is empty or not text.
    """
    text, encoding = decoded(path)
    messages = []
    if encoding in WESTERN:
        messages.append(f"{path.name}: is not UTF-8 and was read as {encoding}; if names look wrong, save it as UTF-8")
    records, left_out = without_titles(path, list(_records(path, text)))
    if left_out:
        messages.append(left_out)
    header = _header(path, records)
    if header.message:
        messages.append(header.message)
    names, even, message = with_even_rows(path, header.names, records[0 if header.message else 1 :])
    return TableCells(names, even, (*messages, *([message] if message else [])))


def read_delimited_header(path: Path) -> list[str]:
    """The names of the columns. Raises SourceError for a file that is empty or not text."""
    text, _ = decoded(path)
    records, _ = without_titles(path, list(islice(_records(path, text), _NUM_SNIFFED)))
    return _header(path, records).names


def is_list_of_images(path: Path) -> bool:
    """Whether the rows of a text name images, and more beside them; see `names_images`."""
    try:
        text, _ = decoded(path)
        records = [record for _, record in islice(_records(path, text), _NUM_SNIFFED)]
    except (ManifestError, SourceError):
        return False
    return names_images(path.parent, records)


def _header(path: Path, records: list[Numbered]) -> Header:
    if not records:
        raise SourceError(f"{path}: the file is empty; add a header and a row for each image")
    return header_for(path, [record for _, record in records])


def _records(path: Path, text: str) -> Iterator[Numbered]:
    """Each record that is not blank, with its number as a spreadsheet counts."""
    told = _EXCEL_DELIMITER.match(text)
    delimiter = told[1] if told else _sniff_delimiter(text)
    if delimiter is None:
        yield from _between_blanks(text)
        return
    rest, number = (text[told.end() :], 1) if told else (text, 0)
    # Strict: a quote that is never closed would silently swallow the rows after it.
    reader = csv_records(io.StringIO(rest, newline=""), delimiter=delimiter, strict=True)
    while True:
        number += 1
        try:
            record = next(reader, None)
        except Error as error:
            raise ManifestError(f"{path.name} row {number}: {error}; fix the double quotes of this row") from error
        if record is None:
            return
        if record:
            yield number, record


def _between_blanks(text: str) -> Iterator[Numbered]:
    lines = [(number, line) for number, line in enumerate(_LINE_END.split(text), start=1) if line.strip()]
    cells = [_bare_cells(line) for _, line in lines]
    pairs = [_NAME_THEN_CELL.fullmatch(line.strip()) for _, line in lines]
    if len({len(record) for record in cells}) > 1 and all(pairs):
        cells = [list(pair.groups()) for pair in pairs if pair]
    return zip((number for number, _ in lines), cells, strict=True)


def _bare_cells(line: str) -> list[str]:
    return [cell[1:-1] if cell[:1] == cell[-1:] == '"' != cell else cell for cell in _BARE_CELL.findall(line)]


def _sniff_delimiter(text: str) -> str | None:
    """The delimiter that splits the first rows into the same number of cells; of several, the one with most cells.

    None stands for blanks, where no other one does that and the rows have an image's name and more between blanks.
    """
    bare = _QUOTED.sub("", text[:_SNIFFED_CHARACTERS])
    lines = [line for line in _LINE_END.split(bare) if line]
    if len(text) > _SNIFFED_CHARACTERS and len(lines) > 1:
        lines = lines[:-1]  # which may be incomplete
    best, most = _DELIMITERS[0], (False, 1)
    for delimiter in _DELIMITERS:
        widths = [line.count(delimiter) + 1 for line in lines[:_NUM_SNIFFED]]
        if widths and (len(set(widths)) == 1, widths[0]) > most and widths[0] > 1:
            best, most = delimiter, (len(set(widths)) == 1, widths[0])
    is_even, _ = most
    return None if not is_even and _is_between_blanks(text) else best


def _is_between_blanks(text: str) -> bool:
    start = text[:_SNIFFED_CHARACTERS]
    records = [record for _, record in islice(_between_blanks(start), _NUM_SNIFFED)]
    if len(start) < len(text):
        records = records[:-1]
    widths = [len(record) for record in records]
    if min(widths, default=0) < 2:
        return False
    if lists_images(records) or lists_images(records[1:]):
        return True
    # Ids: below a header that has a name for each cell, or without one.
    ids = {digits_as_0(record[0]) for record in records}
    is_list = widths[0] == max(widths) or (len(ids) == 1 and "" not in ids)
    return is_list and not any(delimiter in start for delimiter in _DELIMITERS)
