"""Reads a table of text: comma, semicolon or tab; UTF-8, UTF-16 with a BOM, else Windows-1252 or Latin-1."""

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from overread.errors import ManifestError, SourceError
from overread.sources.tables.table_cells import TableCells

_DELIMITERS = (",", ";", "\t")
WESTERN = ("windows-1252", "latin-1")
"""In this order: the first leaves five bytes undefined, and has letters where the second has control characters."""
_NUM_SNIFFED = 50
_SNIFFED_CHARACTERS = 65_536
_QUOTED = re.compile(r'(?<![^,;\t\r\n])"[^"]*(?:""[^"]*)*"')
"""A cell in double quotes: delimiters in it don't count."""


def read_delimited(path: Path, *, num_records: int | None = None) -> TableCells:
    """The cells of a CSV. num_records: where given, only that many are read, the header among them.

    Raises ManifestError for a ragged row, SourceError for a file that is empty or not text.
    """
    text, encoding = _decoded(path)
    header, records = _read_records(path, text, num_records=num_records)
    messages = []
    if encoding in WESTERN:
        messages.append(f"{path.name}: is not UTF-8 and was read as {encoding}; if names look wrong, save it as UTF-8")
    return TableCells(header, records, tuple(messages))


def _read_records(
    path: Path, text: str, *, num_records: int | None = None
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and each record with its number as a spreadsheet counts. Blank lines are not records."""
    numbered = _parsed(path, text, _sniff_delimiter(text))
    header = None
    records = []
    for number, record in islice(numbered, None if num_records is None else num_records):
        if not record:
            continue
        if header is None:
            header = record
        elif len(record) != len(header):
            raise ManifestError(
                f"{path.name} row {number}: {len(record)} cells where the header has {len(header)}; "
                "put cells that contain the delimiter in double quotes, or add the missing cells"
            )
        else:
            records.append((number, record))
    if header is None:
        raise SourceError(f"{path}: the file is empty; add a header and a row for each image")
    return header, records


def _decoded(path: Path) -> tuple[str, str]:
    """The text of a file, and its encoding."""
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings: tuple[str, ...] = ("utf-16",)
    elif b"\0" in data[:4096]:
        raise SourceError(f"{path}: this file is not text; give a CSV file")
    else:
        encodings = ("utf-8-sig", *WESTERN)
    for encoding in encodings:
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise SourceError(f"{path}: this file is not text; give a CSV file")


def _parsed(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    # Strict: a quote that is never closed would silently swallow the rows after it.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise ManifestError(f"{path.name} row {number}: {error}; fix the double quotes of this row") from error
        if record is None:
            return
        yield number, record


def _sniff_delimiter(text: str) -> str:
    """The delimiter that splits the first rows into the same number of cells; of several, the one with most cells."""
    bare = _QUOTED.sub("", text[:_SNIFFED_CHARACTERS])
    lines = [line for line in re.split(r"\r\n|\r|\n", bare) if line]
    if len(text) > _SNIFFED_CHARACTERS:
        lines = lines[:-1]  # which may be incomplete
    best, most = _DELIMITERS[0], (False, 1)
    for delimiter in _DELIMITERS:
        widths = [line.count(delimiter) + 1 for line in lines[:_NUM_SNIFFED]]
        if widths and (len(set(widths)) == 1, widths[0]) > most and widths[0] > 1:
            best, most = delimiter, (len(set(widths)) == 1, widths[0])
    return best
