"""Where pages may read: below the folders that the owner named at start, whatever a person types into a form."""

import json
import os
from pathlib import Path

from app.processes import DATA_PATH
from core.errors import UserError

ROOTS_VARIABLE = "OVERREAD_ROOTS"
"""The folders, as a JSON list; without it the data folders alone."""
LABEL_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".txt", ".npy", ".npz", ".pt")
OUTSIDE = (
    "Pages read only below the folders that Overread was started with, and this is not below one of them. Start it "
    "with --root and a folder above, or import in a terminal."
)


def default_roots() -> list[Path]:
    """The project's data folder, and the folder `data` of the person who started the server."""
    return [DATA_PATH, Path.home() / "data"]


def roots() -> list[Path]:
    """The folders below which pages may read."""
    named = os.environ.get(ROOTS_VARIABLE)
    return [Path(path).resolve() for path in json.loads(named)] if named else [p.resolve() for p in default_roots()]


def is_readable(path: Path) -> bool:
    """Whether the path, once its links are followed, lies below a root; it need not be there."""
    try:
        place = path.expanduser().resolve()
    except (OSError, RuntimeError, ValueError):  # a link that leads round to itself, no such home, a NUL
        return False
    return any(place.is_relative_to(root) for root in roots())


def check_readable(source: Path, labels: Path | None = None) -> None:
    """Raise UserError unless a source, the labels file that is named and those that lie in the source may be read."""
    for path in (source, *([labels] if labels else [])):
        if not is_readable(path):
            raise UserError(OUTSIDE)
    if source.is_dir():
        for path in source.iterdir():
            if path.suffix.lower() in LABEL_SUFFIXES and path.is_symlink() and not is_readable(path):
                raise UserError(OUTSIDE)
