"""The rows of a source that can become samples, and why the others cannot, before any image is decoded."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from overread.errors import ManifestError
from overread.images.location import Location
from overread.images.remote import missing_package, protocol_of
from overread.records import Source, SourceRow
from overread.sources.folder import files_below
from overread.sources.found_images import ImageIndex, looked_for
from overread.sources.image_paths import path_fault
from overread.sources.registry import find_format
from overread.studies.image_links import ImageLinks
from overread.studies.study import find_image

_MISSING = "the file is missing"


@dataclass(frozen=True, slots=True)
class UsableRows:
    """One row for each image that is there and has a label, and the rows that are left out."""

    first: dict[str, SourceRow]
    """The image's key to the first row that names it."""
    images: dict[str, Location]
    """The image's key to its location."""
    reasons: dict[int, str]
    """Place of a row that is left out, counted from 0, to the reason."""


def usable_rows(source: Source, keys: Sequence[str], *, has_files: bool = True) -> UsableRows:
    """Choose the rows that can become samples.

    keys: one per row; rows of the same image have the same one. has_files: whether the images are files by now; those
    of an array file are written by the import.
    Raises ManifestError for fewer than two classes, for a class that is wholly behind links out of the source, and for
    a URL whose package is not installed.
    """
    _check_packages(source)
    links = ImageLinks(source)
    first: dict[str, SourceRow] = {}
    images: dict[str, Location] = {}
    reasons: dict[int, str] = {}
    for place, (row, key) in enumerate(zip(source.rows, keys, strict=True)):
        if reason := row.fault or path_fault(row.image):
            reasons[place] = reason
        elif not row.label:
            reasons[place] = "the label is missing"
        elif key not in first:
            location = find_image(source.root, row.image)
            if not location.is_remote and (reason := links.fault(location.path)):
                reasons[place] = reason
            elif has_files and not location.exists():
                reasons[place] = _MISSING
            else:
                images[key] = location
                first[key] = row
        elif row.image != first[key].image:
            # The export finds a row's sample by its cell, and a sample has only one.
            reasons[place] = f"the same image as row {first[key].row}, written differently"
    labels = {row.label for row in first.values()}
    links.check_classes(labels, reasons)
    check_classes(source, labels, reasons)
    return UsableRows(first, images, reasons)


def _check_packages(source: Source) -> None:
    for row in source.rows:
        protocol = protocol_of(row.image.strip())
        if protocol and (package := missing_package(protocol)):
            raise ManifestError(
                f"{source.labels_file or source.root} row {row.row}: {protocol}:// needs the package {package}, "
                f"which is not installed; pip install {package}"
            )


def check_classes(source: Source, labels: Set[str], reasons: Mapping[int, str]) -> None:
    """Raise ManifestError for fewer than two classes. reasons: why the other rows were left out, by place."""
    if len(labels) >= 2:
        return
    left = f"only the class {next(iter(labels))!r} is left" if labels else "no row is left"
    faults = Counter(reasons.values())
    why = looked = ""
    if faults:
        reason, count = faults.most_common(1)[0]
        row = source.rows[next(place for place in sorted(reasons) if reasons[place] == reason)]
        why = f" ({count} of {len(source.rows)} rows: {reason}; the first is row {row.row})"
        if reason == _MISSING:
            looked = f"; {looked_for(row, ImageIndex.of(files_below(Path(source.root))))}"
    format = find_format(source.format)
    where = (format and format.is_table and source.labels_file) or source.root
    raise ManifestError(
        f"{where}: {left}{why}{looked}; at least two classes with images in {source.root} are needed",
        public=f"Fewer than two classes with images are left{why}; check the folder and the columns.",
    )
