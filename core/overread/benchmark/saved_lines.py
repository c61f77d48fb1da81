"""A benchmark's results between its runs: a .jsonl file, a line for each cell."""

import json
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

Line = dict[str, Any]


def read_lines(path: Path) -> list[Line]:
    """The lines but for one that was cut short; none where there is no file."""
    found = []
    for text in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            found.append(json.loads(text))
        except json.JSONDecodeError:
            continue
    return found


class SavedLines:
    """The lines of a file by their keys; of two with the same key the later stands."""

    def __init__(self, path: Path, key: Callable[[Line], Hashable]) -> None:
        self._path, self._key = path, key
        self._lines = {key(line): line for line in read_lines(path)}

    def __contains__(self, cell: Line) -> bool:
        return self._key(cell) in self._lines

    def of(self, cell: Line) -> Line:
        """The line with the cell's key."""
        return self._lines[self._key(cell)]

    def all(self) -> list[Line]:
        return list(self._lines.values())

    def add(self, line: Line) -> None:
        """Append a line to the file, whose folder is made if need be."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        is_cut = self._path.is_file() and not self._path.read_bytes().endswith(b"\n")
        with self._path.open("a", encoding="utf-8") as file:
            file.write("\n" * is_cut + json.dumps(line) + "\n")
        self._lines[self._key(line)] = line
