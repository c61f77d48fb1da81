"""The folders that the app may read, whatever is typed into a form: those that the owner named at startup."""

import json
import os
from pathlib import Path

from overread.errors import UserError
from overread.sources.import_roots import OUTSIDE, is_below
from overread_app import processes

ROOTS_VARIABLE = "OVERREAD_ROOTS"
"""The folders, as a JSON list; without it, only the data folders."""
NOT_WHOLE = "Enter an absolute path, which starts with /. To import from a URL, use a terminal."


def default_roots() -> list[Path]:
    """The project's data folder, and the folder `data` of the person who started the server."""
    return [processes.DATA_PATH, Path("~/data").expanduser()]


def roots() -> list[Path]:
    """The folders that pages may read below, with links resolved."""
    named = os.environ.get(ROOTS_VARIABLE)
    paths = [Path(path) for path in json.loads(named)] if named else default_roots()
    return [Path(os.path.realpath(path)) for path in paths if path.is_absolute()]


def is_readable(path: Path) -> bool:
    """Whether the path, with links resolved, is below a root; it need not exist."""
    return is_below(path, roots())


def typed_path(text: str, folder: Path | None = None) -> Path:
    """The path that a person typed, relative to `folder`; without one it must be absolute.

    Raises UserError unless it is below a root; the message does not depend on whether the path exists.
    """
    # `~name` is not expanded: the answer would reveal whether there is such a user.
    path = Path(text).expanduser() if text == "~" or text.startswith("~/") else Path(text)
    if folder is not None:
        path = folder / path
    if not path.is_absolute():
        raise UserError(NOT_WHOLE)
    if not is_readable(path):
        raise UserError(OUTSIDE)
    return path
