"""The columns of a source that is not a table: those that the user names, and those that a reader adds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from overread.errors import ManifestError
from overread.sources.request import ColumnNames, column_flag
from overread.sources.table_columns import IMAGE_NAMES

_IMAGE_KEYS = (*IMAGE_NAMES, "img", "image_url", "url")


def column_names(entries: Sequence[Mapping[str, object]]) -> tuple[str, ...]:
    """The keys of all entries, each once, in order of first appearance."""
    return tuple(dict.fromkeys(key for entry in entries for key in entry))


def named_column(names: Sequence[str], name: str, kind: str, path: Path) -> str:
    """The name that the user gave to a kind of column. Raises ManifestError if it is none of the names."""
    if name in names:
        return name
    raise ManifestError(
        f"{path.name}: no field is called {name!r}; set {column_flag(kind)} to one of: {', '.join(names)}"
    )


def optional_columns(names: Sequence[str], columns: ColumnNames, path: Path) -> dict[str, str]:
    """The columns of patient, slide and split that the user named, by these kinds. Raises ManifestError as above."""
    given = {kind: getattr(columns, kind) for kind in ("patient", "slide", "split")}
    return {kind: named_column(names, name, kind, path) for kind, name in given.items() if name is not None}


def find_image_column(names: Sequence[str], named: str | None, path: Path) -> str:
    """The column of the images: the one that the user named, or the only one, or one with an obvious name."""
    if named is not None:
        return named_column(names, named, "image", path)
    if len(names) == 1:
        return names[0]
    plain = [name.strip().lower() for name in names]
    obvious = next((plain.index(name) for name in _IMAGE_KEYS if plain.count(name) == 1), None)
    if obvious is None:
        raise ManifestError(
            f"{path.name}: no field is obviously the image; specify it with --image-column. Found: {', '.join(names)}"
        )
    return names[obvious]


def free_name(name: str, taken: Sequence[str]) -> str:
    """The name for a column to add: the name itself, or with a number if it is taken."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free
