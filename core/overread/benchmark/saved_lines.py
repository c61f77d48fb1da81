"""A benchmark's results between its runs: a .jsonl file, a line for each cell."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from overread.files import write_atomically


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines, none where there is no file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def write_lines(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    """All lines anew, in a folder that is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, "".join(json.dumps(line) + "\n" for line in lines))
