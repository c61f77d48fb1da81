"""What the exports of annotation tools share: where their files lie, and how they become rows."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from overread.errors import SourceError
from overread.records import Source, SourceRow
from overread.sources.folder import SPLITS, printable
from overread.sources.found_images import is_file
from overread.sources.import_roots import is_below
from overread.sources.source_files import SourceFiles

_ANNOTATIONS = "annotations"
_IMAGE_FOLDERS = ("", "images", "data", "img", "imgs")
_NO_SUBSET = "default"
"""What CVAT and Datumaro call the images of no subset."""
_MANY = 50
"""More files than this in one folder are one for each image, and no export."""


@dataclass(frozen=True, slots=True)
class AnnotatedImage:
    """An image as an export describes it."""

    key: str
    """Its id in the export."""
    path: str
    """As the export writes it."""
    labels: tuple[str, ...]
    """In the export's order; may repeat."""
    split: str
    """As the export calls it: a split, a subset, or empty."""
    folder: Path
    """That of the file that describes it."""


def label_text(labels: Iterable[str]) -> str:
    """The label of an image: the one there is; several as a JSON list, each once; empty if there is none."""
    several = list(dict.fromkeys(label.strip() for label in labels if label.strip()))
    return json.dumps(several, ensure_ascii=False) if len(several) > 1 else "".join(several)


def export_files(files: SourceFiles, suffix: str, is_export: Callable[[Path], bool]) -> list[Path]:
    """The files of an export: the one that was named, else those in the source's folder and in the folders in it."""
    if files.labels_file is not None:
        return [files.labels_file] if is_export(files.labels_file) else []
    folders = (files.root, *sorted(path for path in files.root.iterdir() if path.is_dir()))
    found = []
    for folder in folders:
        if not folder.name.startswith("."):
            paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == suffix and path.is_file())
            found += [path for path in paths if is_export(path)] if len(paths) <= _MANY else []
    return found


def export_root(files: SourceFiles) -> Path:
    """The folder of an export's images: where a file in a folder `annotations` is named, the one around that."""
    root, request = files.root, files.request
    if files.path.is_file() and root.resolve().name.lower() == _ANNOTATIONS:
        above = root.resolve().parent
        if not request.within or is_below(above, request.within):
            return above
    return root


def one_per_split(files: SourceFiles, paths: Sequence[Path], tool: str) -> dict[Path, str]:
    """The split of each file of an export. Raises SourceError if there is none, or several for one split."""
    root = files.root
    if not paths and files.labels_file:
        raise SourceError(
            f"{files.labels_file}: is not a {tool} export; export the dataset again, or leave out --format"
        )
    if not paths:
        raise SourceError(f"{root}: no {tool} export found in it; give the file with --labels FILE")
    splits = {path: named_split(path) for path in paths}
    if len(set(splits.values())) < len(paths):
        names = ", ".join(path.relative_to(root).as_posix() for path in paths)
        raise SourceError(f"{root}: which of the {tool} exports? Specify it with --labels FILE (found: {names})")
    return splits


def named_split(path: Path) -> str:
    """The split that a file, or else its folder, is named for: instances_train2017.json, valid/labels.json."""
    for name in (path.stem, path.parent.name):
        named = {SPLITS[word] for word in re.split("[^a-z]+", name.lower()) if word in SPLITS}
        if len(named) == 1:
            return named.pop()
    return ""


def find_image(root: Path, image: AnnotatedImage) -> str:
    """The path of an image from `root`: in the folder of its export, or one where tools keep images; else as it is."""
    path = image.path.strip().replace("\\", "/")
    parts = PurePosixPath(path).parts
    if not path or ".." in parts or is_file(root, path):
        return path
    below = image.folder.resolve().relative_to(root.resolve()) if is_below(image.folder, [root]) else Path()
    for base in dict.fromkeys((below, Path())):
        for folder in _IMAGE_FOLDERS:
            for subset in ("", image.split):
                found = (PurePosixPath(base.as_posix()) / folder / subset / path).as_posix()
                if is_file(root, found):
                    return found
    return path


def annotated_source(
    format: str, files: Sequence[Path], root: Path, images: Sequence[AnnotatedImage], messages: Sequence[str]
) -> Source:
    """A row for each image, with the columns id, image, split, label and file. files: those of the export."""
    rows, cells = [], []
    for number, image in enumerate(images, start=1):
        file, label = printable(find_image(root, image)), label_text(image.labels)
        split = "" if image.split == _NO_SUBSET else SPLITS.get(image.split.lower(), image.split.lower())
        rows.append(SourceRow(number, file, label, split=split))
        cells.append((image.key, printable(image.path), image.split, label, file))
    if num_bare := sum(not row.label for row in rows):
        messages = (*messages, f"{num_bare} images have no annotation, and so no label")
    return Source(
        root=str(root.resolve()),
        format=format,
        columns=("id", "image", "split", "label", "file"),
        cells=tuple(cells),
        image_column="file",
        label_column="label",
        rows=tuple(rows),
        labels_file=str(files[0].resolve()),
        messages=tuple(messages),
    )
