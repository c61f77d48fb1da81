"""How files are written: whole or not at all, and a table's cells so that they come back as they were."""

import os
import re
import secrets
from pathlib import Path

_QUOTED = re.compile(r'[",\r\n]')


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader finds the old content or the new, never a part of it."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def quoted_cell(cell: str) -> str:
    """A cell as it stands in a CSV with commas, in quotes where it needs them."""
    # csv.writer leaves a lone \r bare where lines end in \n (before Python 3.13), and then cannot read it back.
    return '"' + cell.replace('"', '""') + '"' if _QUOTED.search(cell) else cell
