"""Reads a folder per class: the top-level folder of an image's path is its label."""

import os
from collections.abc import Iterator
from pathlib import Path

from overread.errors import SourceError
from overread.files import is_study
from overread.records import Source, SourceRow
from overread.sources.source_files import SourceFiles
from overread.sources.source_format import SourceFormat

SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Names of splits, and what they become here."""

_MAC_ARCHIVE = "__MACOSX"
"""What macOS adds to an archive: resource forks, not images."""


def folder_alone(files: SourceFiles, format: str) -> Path:
    """The folder of a source whose labels are its folders' names. Raises SourceError if a file is named."""
    if files.labels_file is None:
        return files.root
    raise SourceError(
        f"{files.labels_file}: --format {format} takes the labels from the folders' names; give only a folder"
    )


def read_folder(root: Path) -> Source:
    """Every file that isn't hidden, in folders below `root`: one row each, in the order of their paths.

    If all top folders are named for splits (train, val, test), the folders below them are the classes. Files outside
    any class folder are counted in the messages.
    Raises SourceError if the folder is empty, holds no class folders, or holds splits and other folders side by side.
    """
    folders = class_folders(root)
    if not folders:
        if not any(not _is_hidden(path.name) for path in root.iterdir()):
            raise SourceError(f"{root}: the folder is empty; add one folder of images per class")
        raise SourceError(
            f"{root}: no folder per class in it, and no labels file; make a folder for each class, "
            "or name the CSV with --labels FILE"
        )
    _check_splits(root, folders)
    splits = {path.name: SPLITS.get(path.name.lower(), "") for path in folders}
    is_split_first = all(splits.values()) and all(class_folders(path) for path in folders)
    cells: list[tuple[str, ...]] = []
    rows: list[SourceRow] = []
    num_files = 0
    loops: list[str] = []
    for file in files_below(root, loops=loops):
        num_files += 1
        parts = file.split("/")
        depth = 1 if is_split_first else 0
        if len(parts) < depth + 2:
            continue
        image, label = printable(file), printable(parts[depth])
        cells.append((image, label))
        split = splits[parts[0]] if is_split_first else ""
        rows.append(SourceRow(len(rows) + 1, image, label.strip(), split=split))
    messages = []
    if num_files > len(rows):
        messages.append(f"{num_files - len(rows)} files are outside the class folders and were left out")
    if loops:
        messages.append(f"links to a folder that contains them were not followed: {len(loops)}")
    if is_split_first:
        messages.append(f"the folders {', '.join(splits)} were taken as splits, the folders in them as classes")
    return Source(
        root=str(root.resolve()),
        format="folder",
        columns=("image", "label"),
        cells=tuple(cells),
        image_column="image",
        label_column="label",
        rows=tuple(rows),
        messages=tuple(messages),
    )


def _check_splits(root: Path, folders: list[Path]) -> None:
    splits = [path.name for path in folders if path.name.lower() in SPLITS and class_folders(path)]
    others = [path.name for path in folders if path.name not in splits]
    if splits and others and all(name.lower() in SPLITS for name in others):
        raise SourceError(
            f"{root}: {', '.join(splits)} holds a folder per class, and {', '.join(others)} holds none; sort its "
            f"images into classes too, move it out of the source, or import {root / splits[0]} alone"
        )
    if len({SPLITS[name.lower()] for name in splits}) > 1 and others:
        raise SourceError(
            f"{root}: {', '.join(splits)} are splits with classes in them, and {', '.join(others)} is none; "
            "move it out of the source"
        )


def class_folders(root: Path) -> list[Path]:
    """The folders directly in `root` that hold files at any depth and are neither hidden nor studies."""
    folders = sorted(
        path for path in root.iterdir() if path.is_dir() and not _is_hidden(path.name) and not is_study(path)
    )
    return [path for path in folders if next(files_below(path), None) is not None]


def files_below(folder: Path, above: tuple[Path, ...] = (), *, loops: list[str] | None = None) -> Iterator[str]:
    """The files at any depth that are neither hidden nor a study's, as POSIX paths from `folder`, sorted.

    A link to one of the folders that contain it is not followed, and its name is added to `loops`. A dangling link,
    or one to itself, counts as a file: one that cannot be read.
    """
    place = folder.resolve()
    if place in above:
        if loops is not None:
            loops.append(folder.name)
        return
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if _is_hidden(entry.name):
            continue
        if not _is_folder(entry):
            yield entry.name
        elif not is_study(path := Path(entry.path)):
            for file in files_below(path, (*above, place), loops=loops):
                yield f"{entry.name}/{file}"


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == _MAC_ARCHIVE


def printable(name: str) -> str:
    """The name as a CSV can hold it; if it is not valid UTF-8, another one, so that its row goes to the quarantine."""
    return name.encode("utf-8", "replace").decode("utf-8")


FORMAT = SourceFormat(
    name="folder",
    title="One folder per class",
    recognise=lambda files: files.labels_file is None,
    read=lambda files: read_folder(folder_alone(files, "folder")),
    precedence=90,
    has_patient_tags=True,
)
