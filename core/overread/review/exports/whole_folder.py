"""A folder that an export writes whole, or not at all."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from overread.errors import ConfigError


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A folder to write into, renamed to `out` at the end if nothing was raised.

    Raises ConfigError if `out` is a file, or a folder that holds anything.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"--out {out}: already exists; choose a new or empty folder")
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(4)}.tmp")
    try:
        temporary.mkdir()
        yield temporary
        temporary.replace(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
