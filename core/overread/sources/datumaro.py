"""Reads Datumaro's JSON for classification, which CVAT exports too.

Source: Datumaro's documentation, "Datumaro format".
"""

from pathlib import Path
from typing import Any

from overread.errors import ManifestError
from overread.records import Source
from overread.sources.annotation_files import (
    AnnotatedImage,
    annotated_source,
    export_files,
    export_root,
    one_per_split,
)
from overread.sources.json_start import json_start
from overread.sources.json_table import read_json
from overread.sources.source_files import SourceFiles
from overread.sources.source_format import SourceFormat

_MEDIA = ("image", "media", "point_cloud")


def is_datumaro(path: Path) -> bool:
    """Whether the file begins like Datumaro's JSON. Reads no more than its first megabyte."""
    start = json_start(path)
    item = start.get("items")
    is_item = item is None or (isinstance(item, dict) and {"id", "annotations"} <= item.keys())
    return "items" in start and "categories" in start and is_item


def read_datumaro(files: SourceFiles) -> Source:
    """A row for each item, labelled with its annotations of type label, or, if no item has one, with any others.

    The names of the files in annotations/ are the subsets. Raises SourceError if there is no export, ManifestError for
    a file that does not fit together.
    """
    root = export_root(files)
    paths = export_files(files, ".json", is_datumaro)
    if paths and all(path.resolve().parent.name == "annotations" for path in paths):
        subsets = {path: path.stem for path in paths}
    else:
        subsets = one_per_split(files, paths, "Datumaro")
    contents = {path: read_json(path) for path in subsets}
    has_labels = any(
        annotation.get("type") == "label"
        for path, content in contents.items()
        for item in _items(path, content)
        for annotation in item["annotations"]
    )
    images = []
    for path, content in contents.items():
        names = _label_names(path, content)
        for number, item in enumerate(_items(path, content), start=1):
            own = [part for part in item["annotations"] if part.get("type") == "label" or not has_labels]
            labels = tuple(_name(path, number, part["label_id"], names) for part in own if "label_id" in part)
            key = str(item.get("id", ""))
            image = AnnotatedImage(key, _path(item) or key, labels, subsets[path], path.parent)
            images.append(image)
    return annotated_source("datumaro", list(subsets), root, images, ())


def _items(path: Path, content: Any) -> list[dict[str, Any]]:
    items = content.get("items") if isinstance(content, dict) else None
    if not isinstance(items, list) or not all(_is_item(item) for item in items):
        raise ManifestError(f"{path.name}: has no list of items with annotations; export the dataset again")
    return items


def _is_item(item: Any) -> bool:
    annotations = item.get("annotations") if isinstance(item, dict) else None
    return isinstance(annotations, list) and all(isinstance(part, dict) for part in annotations)


def _label_names(path: Path, content: dict[str, Any]) -> list[str]:
    try:
        return [str(label["name"]) for label in content["categories"]["label"]["labels"]]
    except (KeyError, TypeError) as error:
        raise ManifestError(
            f"{path.name}: has no names of labels in its categories; export the dataset again"
        ) from error


def _name(path: Path, number: int, label_id: Any, names: list[str]) -> str:
    place = str(label_id)
    if place.isascii() and place.isdigit() and int(place) < len(names):
        return names[int(place)]
    raise ManifestError(f"{path.name} item {number}: label_id {place} is not one of its {len(names)} labels; fix it")


def _path(item: dict[str, Any]) -> str:
    paths = [item[name].get("path") for name in _MEDIA if isinstance(item.get(name), dict)]
    return str(next(filter(None, paths), ""))


def _recognise(files: SourceFiles) -> bool:
    return not files.is_table_meant and bool(export_files(files, ".json", is_datumaro))


FORMAT = SourceFormat(name="datumaro", title="Datumaro (JSON)", recognise=_recognise, read=read_datumaro, precedence=43)
