"""The names of classes that a table has as codes: from a file of names beside it, or from its own metadata."""

import re
from collections.abc import Iterable
from pathlib import Path

from overread.errors import ManifestError, SourceError
from overread.sources.json_table import parsed_json
from overread.sources.label_classes import code_of
from overread.sources.tables.delimited import read_delimited
from overread.sources.tables.parquet_table import PARQUET, parquet_class_names
from overread.sources.tables.table_text import decoded, first_bytes

_FILES = ("synsets.txt", "classes.txt", "labels.txt", "class_names.txt", "label_names.txt", "obj.names")
_WITH_CODE = re.compile(r"(\d+)\s*[:=,;\t ]\s*(\S.*)")
_MOST_CLASSES = 10_000
_MAP = re.compile(
    r"(map|mapping|legend|dict|classes|indices|idx|id2label|label2id|names|codes).*\.(json|csv|tsv)$", re.I
)
"""What a map of codes and names is called."""
_MAP_BYTES = 2**20
_MOST_DIGITS = 6


def class_names(path: Path, column: str, labels: Iterable[str]) -> tuple[dict[str, str], str]:
    """Code to name for the codes that are a table's labels, and where the names are; nothing if the labels are no
    codes, or not all of them have names.

    path: of the table. column: of the labels. The names of a Parquet file are in its metadata, if Hugging Face's
    datasets wrote it; else they are the lines of synsets.txt, classes.txt or labels.txt beside the table: counted from
    0, or from 1 if the codes begin at 1 and the last one is the number of lines; lines such as `0 cat` say the code
    themselves. Without such a file they are those of a map of codes and names, as JSON or a table of two columns, whose
    own name says that it is one (label_map.csv, class_indices.json).
    """
    codes = {code_of(label) for label in labels if label.strip()}
    if not codes or not all(code.isascii() and code.isdigit() and len(code) < _MOST_DIGITS for code in codes):
        return {}, ""
    file = path
    try:
        if first_bytes(path).startswith(PARQUET):
            by_code = dict(enumerate(parquet_class_names(path).get(column, [])))
        else:
            files = (path.with_name(name) for name in _FILES)
            file = next((file for file in files if file != path and file.is_file()), path)
            by_code = _by_code(_lines(file) if file != path else [], {int(code) for code in codes})
            if file == path:
                file, by_code = _from_map(path, {int(code) for code in codes})
    except SourceError:
        return {}, ""
    if len(set(by_code.values())) < len(by_code) or not {int(code) for code in codes} <= by_code.keys():
        return {}, ""
    return {code: by_code[int(code)] for code in sorted(codes, key=int)}, file.name


def _lines(file: Path) -> list[str]:
    names = [line.strip() for line in decoded(file)[0].splitlines() if line.strip()]
    return names if len(names) < _MOST_CLASSES else []


def _by_code(names: list[str], codes: set[int]) -> dict[int, str]:
    if not names:
        return {}
    pairs = [_WITH_CODE.fullmatch(name) for name in names]
    if all(pairs):
        return {int(pair[1]): pair[2] for pair in pairs if pair}
    first = 1 if min(codes) == 1 and max(codes) == len(names) else 0
    return dict(enumerate(names, start=first))


def _from_map(path: Path, codes: set[int]) -> tuple[Path, dict[int, str]]:
    """The only map beside a table that has a name for each code, and these; else the table, and none."""
    found = []
    for file in sorted(path.parent.iterdir()):
        if file != path and _MAP.search(file.name.lower()) and file.is_file() and file.stat().st_size < _MAP_BYTES:
            by_code = _pairs(file)
            if codes <= by_code.keys() and len(set(by_code.values())) == len(by_code):
                found.append((file, by_code))
    return found[0] if len(found) == 1 else (path, {})


def _pairs(file: Path) -> dict[int, str]:
    """The names by their codes; none if the file is no map."""
    try:
        if file.suffix.lower() == ".json":
            content = parsed_json(decoded(file)[0], file.name)
            pairs = [(str(key), str(value)) for key, value in content.items()] if isinstance(content, dict) else []
        else:
            cells = read_delimited(file)
            pairs = [(record[0], record[1]) for _, record in cells.records] if len(cells.header) == 2 else []
    except (ManifestError, SourceError):
        return {}
    for sides in (pairs, [(name, code) for code, name in pairs]):
        numbers = [code_of(code.strip()) for code, _ in sides]
        is_code = all(number.isascii() and number.isdigit() and len(number) < _MOST_DIGITS for number in numbers)
        if is_code and len(set(numbers)) == len(numbers):
            return dict(zip(map(int, numbers), (name.strip() for _, name in sides), strict=True))
    return {}
