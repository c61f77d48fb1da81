"""Tables with a row for each patient, study or slide: the images of a row are those in the folder that it names."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

from overread.sources.columns import free_name
from overread.sources.image_paths import normal_path
from overread.sources.sidecars import is_named_as_sidecar, without_sidecars
from overread.sources.tables.table_cells import TableCells

_COLUMN = "file"
_LEAST_SHARE = 0.5
"""Of the rows, whose cells name images in the column of the groups."""
_SIGN = re.compile(r"[_\-. ]")
"""What ends a group's name in that of a file."""

_Groups = dict[str, list[str]]


def with_images_of_groups(cells: TableCells, files: Sequence[str], name: str) -> tuple[TableCells, str] | None:
    """The table with a row for each image of a group, and the added column that names it; None if it has no groups.

    A column of groups names each once, for at least half of the rows: a folder with images at any depth, or else the
    beginning of images' names, up to a sign such as `_`. Masks beside images are left out. A row without images stays,
    and its image is missing. files: POSIX paths of all files. name: of the table, for the message.
    """
    images = without_sidecars(files)[0]
    for groups, what in ((_by_folder(images), "folders"), (_by_beginning(images), "beginnings of names")):
        shares = {place: _share(cells, place, groups) for place in range(len(cells.header))}
        place = max(shares, key=shares.__getitem__, default=None)
        if place is not None and shares[place] >= _LEAST_SHARE:
            return _expanded(cells, place, groups, f"{name}: column {cells.header[place]!r} names {what}")
    return None


def _expanded(cells: TableCells, place: int, groups: _Groups, message: str) -> tuple[TableCells, str]:
    records: list[tuple[int, list[str]]] = []
    num_found = 0
    for number, record in cells.records:
        found = groups.get(_key(record[place]), [record[place]])
        images = [file for file in found if not is_named_as_sidecar(file)] or found
        num_found += len(images) if _key(record[place]) in groups else 0
        records.extend((number, [*record, file]) for file in images)
    column = free_name(_COLUMN, cells.header)
    told = f"{message}; each of their {num_found} images has the label of its row"
    return TableCells([*cells.header, column], records, (*cells.messages, told)), column


def _share(cells: TableCells, place: int, groups: _Groups) -> float:
    """Of the rows whose cells name a group; 0 if two rows name the same one, or a column counts the rows."""
    keys = [key for cell in cells.column(place) if (key := _key(cell))]
    if len(keys) < 2 or len(set(keys)) < len(keys) or place in cells.index_columns():
        return 0.0
    return sum(key in groups for key in keys) / len(cells.records)


def _key(cell: str) -> str:
    return normal_path(cell).strip("/").casefold()


def _by_folder(images: Sequence[str]) -> _Groups:
    """The images below a folder, by each end of its path."""
    groups: _Groups = defaultdict(list)
    for image in images:
        parts = image.casefold().split("/")[:-1]
        ends = {"/".join(parts[start:end]) for end in range(1, len(parts) + 1) for start in range(end)}
        for end in sorted(ends):
            groups[end].append(image)
    return groups


def _by_beginning(images: Sequence[str]) -> _Groups:
    groups: _Groups = defaultdict(list)
    for image in images:
        stem = PurePosixPath(image).stem.casefold()
        for sign in _SIGN.finditer(stem):
            groups[stem[: sign.start()]].append(image)
    return groups
