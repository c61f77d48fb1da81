"""Reads COCO's JSON for classification: the categories of an image's annotations are its labels.

Source: COCO's documentation, "Data format"; Roboflow and CVAT export the same.
"""

from collections import defaultdict
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

_INSTANCES = "instances"


def is_coco(path: Path) -> bool:
    """Whether the file begins like COCO's JSON. Reads no more than its first megabyte."""
    start = json_start(path)
    image, annotation = start.get("images"), start.get("annotations")
    is_of_images = isinstance(image, dict) and {"id", "file_name"} <= image.keys()
    is_of_annotations = isinstance(annotation, dict) and {"image_id", "category_id"} <= annotation.keys()
    return is_of_images or is_of_annotations


def find_coco(files: SourceFiles) -> list[Path]:
    """The exports of a source; of COCO's own release those of instances, not of captions and key points."""
    found = export_files(files, ".json", is_coco)
    return [path for path in found if path.stem.startswith(_INSTANCES)] or found


def read_coco(files: SourceFiles) -> Source:
    """A row for each image, labelled with the categories of its annotations, with boxes or without.

    A file for each split (instances_train.json, valid/_annotations.coco.json) gives the splits. Raises SourceError if
    there is no export, or several for one split; ManifestError for a file that does not fit together.
    """
    root = export_root(files)
    splits = one_per_split(files, find_coco(files), "COCO")
    images: list[AnnotatedImage] = []
    messages: list[str] = []
    for path, split in splits.items():
        content = read_json(path)
        categories = _categories(path, content)
        labels: dict[str, list[str]] = defaultdict(list)
        for number, annotation in enumerate(_entries(path, content, "annotations"), start=1):
            category = str(annotation.get("category_id", ""))
            if category not in categories:
                raise ManifestError(
                    f"{path.name} annotation {number}: category_id {category!r} is not in its categories; fix it, or "
                    "export the dataset again"
                )
            labels[str(annotation.get("image_id", ""))].append(category)
        for number, entry in enumerate(_entries(path, content, "images"), start=1):
            if not isinstance(entry.get("file_name"), str) or "id" not in entry:
                raise ManifestError(f"{path.name} image {number}: has no id or no file_name; export the dataset again")
            # In the order of the categories: one image's order of boxes says nothing.
            own = set(labels.pop(str(entry["id"]), ()))
            names = tuple(name for category, name in categories.items() if category in own)
            images.append(AnnotatedImage(str(entry["id"]), entry["file_name"], names, split, path.parent))
        if labels:
            messages.append(f"{path.name}: {len(labels)} annotated images are not in its list, and were left out")
    return annotated_source("coco", list(splits), root, images, messages)


def _categories(path: Path, content: Any) -> dict[str, str]:
    """The names of the categories by their ids."""
    entries = _entries(path, content, "categories")
    if not all("id" in entry and isinstance(entry.get("name"), str) for entry in entries):
        raise ManifestError(f"{path.name}: not every category has an id and a name; export the dataset again")
    return {str(entry["id"]): entry["name"] for entry in entries}


def _entries(path: Path, content: Any, name: str) -> list[dict[str, Any]]:
    entries = content.get(name) if isinstance(content, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ManifestError(f"{path.name}: has no list of {name}, as COCO's JSON has; export the dataset again")
    return entries


def _recognise(files: SourceFiles) -> bool:
    return not files.is_table_meant and bool(find_coco(files))


FORMAT = SourceFormat(name="coco", title="COCO (JSON)", recognise=_recognise, read=read_coco, precedence=42)
