"""Reads a folder per class: a folder of an image's path is its label."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from overread.errors import ConfigError, SourceError
from overread.files import is_study
from overread.images.file_kinds import kind_of
from overread.records import Source, SourceRow
from overread.sources.folder_layouts import FolderLayout, find_layout, layout_level, layout_message
from overread.sources.folder_levels import FolderTree, Levels, find_levels, with_other_levels
from overread.sources.folder_names import SPLITS as SPLITS
from overread.sources.folder_names import class_in_name, classes_at_ends, classes_with_splits, split_of
from overread.sources.folder_names import printable as printable
from overread.sources.label_classes import listed
from overread.sources.request import ImportRequest
from overread.sources.sidecars import sidecar_message, without_sidecars
from overread.sources.source_files import SourceFiles
from overread.sources.source_format import FormatOption, LabelPlace, SourceFormat

_TABLES = (".csv", ".tsv", ".xlsx", ".xls", ".ods", ".parquet", ".json", ".jsonl", ".csv.gz")
_NUM_SHOWN = 4
_NOT_UTF8 = "its name is not UTF-8, and so cannot be written to a table; rename it"

_MAC_ARCHIVE = "__MACOSX"
"""What macOS adds to an archive: resource forks, not images."""


def folder_alone(files: SourceFiles, format: str) -> Path:
    """The folder of a source whose labels are its folders' names. Raises SourceError if a file is named."""
    if files.labels_file is None:
        return files.root
    raise SourceError(
        f"{files.labels_file}: --format {format} takes the labels from the folders' names; give only a folder"
    )


def read_folder(root: Path, request: ImportRequest | None = None) -> Source:
    """Every image in the class folders below `root`: one row each, in the order of their paths.

    Which folder of a path is the class, `request.label_folder` says, or else `folder_levels.find_levels` finds. Files
    outside any class folder, and files that are no images, are counted in the messages.
    Raises SourceError if the folder is empty or holds no class folders, or if several levels could be the classes;
    ConfigError for a level that is too deep.
    """
    request = request or ImportRequest(root)
    loops: list[str] = []
    found = list(files_below(root, loops=loops))
    if not found:
        raise SourceError(f"{root}: the folder is empty; add one folder of images per class")
    files, left_out = without_sidecars(found, keep_masks=request.keep_masks)
    remedy = _remedy(root, files, [file for file in found if file.lower().endswith(_TABLES)])
    tree, layout = FolderTree(map(printable, files)), find_layout(files)
    levels = _levels(tree, layout, request, remedy)
    named = classes_with_splits(tree.names(levels.label))
    rows, cells = _rows(files, levels, layout, named)
    is_sure = request.label_folder is not None
    messages = [_outside_message(root, files, levels, "" if is_sure else remedy), *_level_messages(tree, levels)]
    if named:
        shown = listed([f"{folder} as {label}" for folder, (label, _) in named.items()])
        splits = " and splits" if any(split for _, split in named.values()) else ""
        messages.append(f"the names of folders were taken as classes{splits}: {shown}")
    if layout is not None:
        messages.append(layout_message(layout, tree, None if levels.patient is not None else [r.patient for r in rows]))
    messages.append(sidecar_message(left_out))
    if loops:
        messages.append(f"links to a folder that contains them were not followed: {len(loops)}")
    return Source(
        root=str(root.resolve()),
        format="folder",
        columns=("image", "label", *_extra_columns(levels)),
        cells=tuple(cells),
        image_column="image",
        label_column="label",
        rows=tuple(rows),
        messages=tuple(filter(None, messages)),
    )


def _levels(tree: FolderTree, layout: FolderLayout | None, request: ImportRequest, remedy: str) -> Levels:
    root = Path(request.source)
    label = None if request.label_folder is None else request.label_folder - 1
    patient = None if request.patient_folder is None else request.patient_folder - 1
    for flag, level in (("--label-folder", label), ("--patient-folder", patient)):
        if level is not None and not tree.names(level):
            raise ConfigError(f"{flag} {level + 1}: no image is that deep in {root}; count the folders from the source")
    if label is not None and label == patient:
        raise ConfigError(f"--patient-folder {request.patient_folder}: is the folder of the class; give another one")
    if label is None and layout is not None:
        label = layout_level(tree, layout.classes)
    if label is not None:
        return with_other_levels(tree, Levels(label, patient=patient))
    levels = find_levels(tree, root, remedy)
    if patient is None:
        return levels
    if patient == levels.label:
        raise ConfigError(f"--patient-folder {patient + 1}: is the folder of the class; give --label-folder too")
    return replace(levels, patient=patient)


def _remedy(root: Path, files: list[str], tables: list[str]) -> str:
    """What to do where no folders are classes."""
    if tables:
        more = f" (one of {len(tables)} tables in it)" if len(tables) > 1 else ""
        return f"if {printable(tables[0])}{more} has the labels, give it with --labels {printable(tables[0])}"
    shown = files[:: len(files) // _NUM_SHOWN + 1][:_NUM_SHOWN]
    names = ", ".join(printable(Path(file).name) for file in shown)
    named = f"its {len(files)} files are named like {names}; " if files else "it holds no images; "
    for file in shown:
        if (root / file).is_file() and (kind := kind_of(root / file)):
            return f"{named}{printable(file)} is {kind}"
    beginnings = Counter(class_in_name(file) for file in files)
    if len(beginnings) == 1 and (ends := classes_at_ends(files)):
        counts = listed([f"{name} ({count})" for name, count in Counter(ends).most_common()])
        return f"{named}if the ends of the names are the classes, {counts}, give --format file-names"
    is_class = len(beginnings) > 1 and "" not in beginnings and not any(map(split_of, beginnings))
    if is_class and min(beginnings.values()) > 1:
        counts = listed([f"{name} ({count})" for name, count in beginnings.most_common()])
        return f"{named}if the beginnings of the names are the classes, {counts}, give --format file-names"
    return f"{named}make a folder for each class, or name a CSV with the columns image and label with --labels FILE"


def _rows(
    files: list[str], levels: Levels, layout: FolderLayout | None, named: Mapping[str, tuple[str, str]]
) -> tuple[list[SourceRow], list[tuple[str, ...]]]:
    """named: the classes and splits that the class folders name; empty: their whole names are the classes."""
    rows: list[SourceRow] = []
    cells: list[tuple[str, ...]] = []
    for file in files:
        folders = [printable(part) for part in file.split("/")[:-1]]
        if len(folders) <= levels.label:
            continue
        image, label = printable(file), folders[levels.label]
        label, own_split = named.get(label, (label, ""))
        fold, split = _part(folders, levels.fold), own_split or _part(folders, levels.split)
        row = SourceRow(
            len(rows) + 1,
            image,
            label.strip(),
            patient=layout.patient(image) if layout and levels.patient is None else _part(folders, levels.patient),
            split=split_of(split) or fold.strip().lower(),
            fault="" if image == file else _NOT_UTF8,
        )
        rows.append(row)
        cells.append((image, label, *(_part(folders, level) for level in _extra_columns(levels).values())))
    return rows, cells


def _part(folders: list[str], level: int | None) -> str:
    return folders[level] if level is not None and level < len(folders) else ""


def _extra_columns(levels: Levels) -> dict[str, int]:
    """The levels that become columns of their own."""
    columns = {"fold": levels.fold, "folder": levels.place}
    return {name: level for name, level in columns.items() if level is not None}


def _outside_message(root: Path, files: list[str], levels: Levels, remedy: str) -> str:
    """A message on files that are in no class folder. Raises SourceError if most are, unless the remedy is empty."""
    outside = [printable(file) for file in files if file.count("/") <= levels.label]
    if not outside:
        return ""
    what = f"{len(outside)} file{'s are' if len(outside) > 1 else ' is'} outside the class folders"
    if remedy and len(outside) > (num_inside := len(files) - len(outside)):
        raise SourceError(
            f"{root}: {what}, and only {num_inside} in them: {outside[0]}; {remedy}, or say which folder is the class "
            "with --label-folder N"
        )
    return f"{what} and left out: {outside[0]}{' ...' if len(outside) > 1 else ''}"


def _level_messages(tree: FolderTree, levels: Levels) -> list[str]:
    messages = []
    kinds = (("splits", levels.split), ("folds", levels.fold))
    for what, level in kinds:
        if level is not None:
            classes = ", the folders in them as classes" if level == levels.label - 1 else ""
            messages.append(f"the folders {listed(tree.names(level))} were taken as {what}{classes}")
    if levels.patient is not None:
        num_patients = len(tree.names(levels.patient))
        messages.append(f"folder {levels.patient + 1} of the paths was taken as the patient: {num_patients} patients")
    if levels.place is not None:
        messages.append(
            f"the folders {listed(tree.names(levels.place))} hold the same folders, which were taken as classes; if "
            f"they are the classes themselves, give --label-folder {levels.place + 1}"
        )
    return messages


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


FORMAT = SourceFormat(
    name="folder",
    title="One folder per class",
    recognise=lambda files: files.labels_file is None,
    read=lambda files: read_folder(folder_alone(files, "folder"), files.request),
    precedence=90,
    label_places=(
        LabelPlace(
            options=(
                FormatOption(
                    field="label_folder",
                    title="Folder that is the class",
                    whose="a folder per class",
                    hint="if it isn't found by itself",
                    explanation="Which folder of an image's path is its class, counted from 1 at the source.",
                    placeholder="1",
                    implies_format=True,
                ),
                FormatOption(
                    field="patient_folder",
                    title="Folder that is the patient",
                    whose="a folder per class",
                    hint="if there is one",
                    explanation="Which folder of an image's path is its patient, counted from 1 at the source.",
                    placeholder="2",
                ),
            )
        ),
    ),
    has_patient_tags=True,
)
