"""Reads JSON as a table: JSON lines, a list of objects, or a map from images to labels."""

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from overread.errors import ManifestError, SourceError
from overread.sources.json_table import parsed_json, text_entry
from overread.sources.tables.missing_header import found_below, is_image_name
from overread.sources.tables.table_cells import TableCells
from overread.sources.tables.table_text import content_bytes, decoded

_STARTS = (b"[", b"{")
_SPLIT = re.compile(r"(train|val|valid|test)(ing|ation|idation)?", re.IGNORECASE)
"""A list by such a name holds the rows of a split (MONAI's data lists)."""
_FIRST_LINE_BYTES = 2**20
_SHAPES = 'a list of {"image": ..., "label": ...}, such an object in each line, or {"image": "label", ...}'


def is_json(start: bytes) -> bool:
    """Whether content that begins with these bytes begins like JSON."""
    return start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_STARTS)


def is_json_lines(path: Path) -> bool:
    """Whether each of the first two lines of a file is a JSON object."""
    lines = [line for line in content_bytes(path, _FIRST_LINE_BYTES).split(b"\n") if line.strip()][:2]
    try:
        return len(lines) == 2 and all(isinstance(parsed_json(line, ""), dict) for line in lines)
    except ManifestError:
        # The second line may be cut off where the first one is long.
        return len(lines) == 2 and lines[0].rstrip().endswith(b"}") and lines[1].startswith(b"{") and _parses(lines[0])


def is_json_table(path: Path) -> bool:
    """Whether a JSON file has one of the shapes that `read_json_cells` reads; not, if it is not valid."""
    try:
        return is_json_lines(path) or _entries(path, parsed_json(content_bytes(path), path.name)) is not None
    except ManifestError:
        return False


def read_json_cells(path: Path) -> TableCells:
    """The objects of a JSON file as rows, with a column for each of their keys, in order of first appearance.

    Text stays as it is, a number as it is written; null and a key that is absent are empty; a list is JSON again.
    A map has the columns image and label; lists by the names of splits have a column split besides. Rows are counted
    from 1; in JSON lines they are the numbers of the lines.
    Raises ManifestError for invalid JSON and for what no CSV can hold, SourceError for JSON of another shape.
    """
    if is_json_lines(path):
        text, _ = decoded(path)
        return _table(_line_entries(path, text.split("\n")))
    entries = _entries(path, parsed_json(content_bytes(path), path.name))
    if entries is None:
        raise SourceError(f"{path}: this JSON is not {_SHAPES}, nor the export of a known tool")
    return _table([(row, text_entry(value, f"{path.name} entry {row}")) for row, value in enumerate(entries, start=1)])


def read_json_header(path: Path) -> list[str]:
    """The names of the columns, of all rows. Raises as `read_json_cells`."""
    return read_json_cells(path).header


def _line_entries(path: Path, lines: Iterable[str]) -> list[tuple[int, dict[str, str]]]:
    return [
        (number, text_entry(parsed_json(line, f"{path.name} row {number}"), f"{path.name} row {number}"))
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]


def _table(entries: Sequence[tuple[int, dict[str, str]]]) -> TableCells:
    header = list(dict.fromkeys(key for _, entry in entries for key in entry))
    return TableCells(header, [(row, [entry.get(key, "") for key in header]) for row, entry in entries])


def _entries(path: Path, content: Any) -> list[Any] | None:
    """The rows of a list or a map; None for any other shape."""
    if isinstance(content, list):
        return content if all(isinstance(entry, dict) for entry in content) else None
    if not isinstance(content, dict) or not content:
        return None
    splits = {name: rows for name, rows in content.items() if _SPLIT.fullmatch(name) and _is_list_of_objects(rows)}
    if splits:
        return [{"split": name, **row} for name, rows in splits.items() for row in rows]
    keys = list(islice(content, 2))
    if not (all(map(is_image_name, keys)) or found_below(path.parent, set(keys)) == set(keys)):
        return None
    return [{"image": key, **_keyed(value)} for key, value in content.items()]


def _keyed(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {"label": value}


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(entry, dict) for entry in value)


def _parses(line: bytes) -> bool:
    try:
        parsed_json(line, "")
    except ManifestError:
        return False
    return True
