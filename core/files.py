"""Files of ours: written whole or not at all, told of where they are damaged; and cells that come back as they were."""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import OverreadError, StudyError

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


@contextmanager
def told_if_damaged(path: Path, mend: str) -> Iterator[None]:
    """Raises StudyError, with what to do, where a file that Overread wrote is missing or not as it was written."""
    try:
        yield
    except (OverreadError, MemoryError):
        raise
    except Exception as error:  # json, zipfile, numpy, pandas, torch and safetensors have each their own
        raise StudyError(f"{path}: is missing or damaged ({type(error).__name__}); {mend}") from error


def quoted_cell(cell: str) -> str:
    """A cell as it stands in a CSV with commas, in quotes where it needs them."""
    # csv.writer leaves a lone \r bare where lines end in \n (before Python 3.13), and then cannot read it back.
    return '"' + cell.replace('"', '""') + '"' if _QUOTED.search(cell) else cell
