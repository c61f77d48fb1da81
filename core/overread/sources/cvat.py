"""Reads "CVAT for images 1.1": an XML file whose images have tags.

Source: CVAT's documentation, "CVAT for images".
"""

import re
from pathlib import Path
from xml.parsers import expat

from overread.errors import ManifestError
from overread.records import Source
from overread.sources.annotation_files import (
    AnnotatedImage,
    annotated_source,
    export_files,
    export_root,
    one_per_split,
)
from overread.sources.source_files import SourceFiles
from overread.sources.source_format import SourceFormat

_START = re.compile(rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*\?>\s*)?((<!--|<!DOCTYPE).*?>\s*)*<annotations[\s>]", re.DOTALL)
_SNIFFED_BYTES = 4096
_SHAPES = ("box", "polygon", "polyline", "points", "ellipse", "cuboid", "mask", "skeleton")


class _Entities(Exception):
    """The file declares a document type: entities could multiply, or name other files."""


class _Tracks(Exception):
    """The file is of a video."""


class _Images:
    """The images of one file, gathered while it is parsed."""

    def __init__(self) -> None:
        self.images: list[dict[str, str]] = []
        self.tags: list[list[str]] = []
        self.shapes: list[list[str]] = []

    def parse(self, path: Path) -> None:
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.StartDoctypeDeclHandler = self._refuse
        with path.open("rb") as file:
            parser.ParseFile(file)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "image":
            self.images.append(attributes)
            self.tags.append([])
            self.shapes.append([])
        elif name == "track":
            raise _Tracks
        elif self.images and name in ("tag", *_SHAPES):
            found = self.tags if name == "tag" else self.shapes
            found[-1].append(attributes.get("label", ""))

    def _refuse(self, *_: object) -> None:
        raise _Entities


def is_cvat(path: Path) -> bool:
    """Whether the file begins like CVAT's XML."""
    with path.open("rb") as file:
        return _START.match(file.read(_SNIFFED_BYTES)) is not None


def read_cvat(files: SourceFiles) -> Source:
    """A row for each image, labelled with its tags, or, if no image has one, with its boxes and other shapes.

    An image's subset, or else the file's name, is its split. Raises SourceError if there is no export, or several for
    one split; ManifestError for a file that is not intact, declares entities, or is of a video.
    """
    root = export_root(files)
    splits = one_per_split(files, export_files(files, ".xml", is_cvat), "CVAT")
    found = {path: _parsed(path) for path in splits}
    has_tags = any(labels for own in found.values() for labels in own.tags)
    images = [
        AnnotatedImage(
            entry.get("id", ""), entry.get("name", ""), tuple(labels), entry.get("subset") or split, path.parent
        )
        for path, split in splits.items()
        for entry, labels in zip(found[path].images, found[path].tags if has_tags else found[path].shapes, strict=True)
    ]
    messages = () if has_tags else ("no image has a tag: the labels are those of boxes and other shapes",)
    return annotated_source("cvat", list(splits), root, images, messages)


def _parsed(path: Path) -> _Images:
    images = _Images()
    try:
        images.parse(path)
    except expat.ExpatError as error:
        raise ManifestError(f"{path.name}: is not valid XML ({error}); export the task again") from error
    except _Entities:
        raise ManifestError(
            f"{path.name}: declares a document type, which CVAT's exports do not; export the task again"
        ) from None
    except _Tracks:
        raise ManifestError(
            f"{path.name}: is of a video (it has tracks); export the task as CVAT for images 1.1"
        ) from None
    return images


def _recognise(files: SourceFiles) -> bool:
    return not files.is_table_meant and bool(export_files(files, ".xml", is_cvat))


FORMAT = SourceFormat(name="cvat", title="CVAT for images (XML)", recognise=_recognise, read=read_cvat, precedence=44)
