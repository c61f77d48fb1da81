"""What a study takes from a source: the samples whose images can be read, and the rows for the quarantine."""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from overread.errors import ManifestError
from overread.images.cache.cache_build import build_cache
from overread.images.cache.pixel_cache import open_cache
from overread.images.location import Location
from overread.images.remote import missing_package, protocol_of
from overread.records import Sample, Source, SourceRow
from overread.sources.folder import files_below
from overread.sources.found_images import ImageIndex, looked_for
from overread.sources.image_paths import path_fault
from overread.sources.registry import find_format
from overread.studies.sample_ids import EarlierSamples, sample_ids
from overread.studies.study import find_image, keyed_hashes

_MISSING = "the file is missing"
OnProgress = Callable[[int, int], None]
"""Called with images done and images in total."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The samples of a source, and the rows that are none."""

    samples: tuple[Sample, ...]
    quarantine: tuple[tuple[str, str, str], ...]
    """row, image, reason; by row."""


def read_contents(
    source: Source,
    study_path: Path,
    cache_path: Path,
    image_size_px: int,
    on_progress: OnProgress | None,
    earlier: EarlierSamples | None = None,
) -> Contents:
    """Choose the usable rows, fill the pixel cache, and put the rest into the quarantine.

    study_path: holds the key; cache_path: the folder of the pixel cache; earlier: the samples of the study that is
    updated. Raises ManifestError for fewer than two classes, and for a URL whose package is not installed.
    """
    _check_packages(source)
    root = Path(source.root)
    ids = sample_ids(study_path, source, earlier or EarlierSamples())
    first: dict[str, SourceRow] = {}
    images: dict[str, Location] = {}
    reasons: dict[int, str] = {}
    folders: dict[Path, bool] = {}
    for place, (row, key) in enumerate(zip(source.rows, ids, strict=True)):
        if reason := row.fault or path_fault(row.image):
            reasons[place] = reason
        elif not row.label:
            reasons[place] = "the label is missing"
        elif key not in first:
            location = find_image(source.root, row.image)
            if not location.exists():
                reasons[place] = _MISSING
            elif not location.is_remote and _leads_out(location.path, root, folders):
                reasons[place] = "a link leads out of the source"
            else:
                images[key] = location
                first[key] = row
        elif row.image != first[key].image:
            # The export finds a row's sample by its cell, and a sample has only one.
            reasons[place] = f"the same image as row {first[key].row}, written differently"
    _check_classes(source, {row.label for row in first.values()}, reasons)
    faults = build_cache(cache_path, images, size_px=image_size_px, on_progress=on_progress)
    for place, key in enumerate(ids):
        if key in faults and place not in reasons:
            reasons[place] = faults[key]
    readable = {key: row for key, row in first.items() if key not in faults}
    hashes = {row.key: row.sha256 for row in open_cache(cache_path).rows}
    _check_classes(source, {row.label for row in readable.values()}, reasons)
    patients = keyed_hashes(study_path, [row.patient for row in readable.values()])
    slides = keyed_hashes(study_path, [row.slide for row in readable.values()])
    samples = tuple(
        Sample(key, row.image, row.label, patient, slide, row.split, row.raters, hashes[key])
        for (key, row), patient, slide in zip(readable.items(), patients, slides, strict=True)
    )
    rows = source.rows
    quarantine = tuple((str(rows[place].row), rows[place].image, reasons[place]) for place in sorted(reasons))
    return Contents(samples, quarantine)


def _check_packages(source: Source) -> None:
    for row in source.rows:
        protocol = protocol_of(row.image.strip())
        if protocol and (package := missing_package(protocol)):
            raise ManifestError(
                f"{source.labels_file or source.root} row {row.row}: {protocol}:// needs the package {package}, "
                f"which is not installed; pip install {package}"
            )


def _check_classes(source: Source, labels: set[str], reasons: dict[int, str]) -> None:
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


def _leads_out(path: Path, root: Path, folders: dict[Path, bool]) -> bool:
    """Whether a link leads the file out of the root. folders: results so far, which are added to."""
    folder = path.parent
    if folder not in folders:
        folders[folder] = not Path(os.path.realpath(folder)).is_relative_to(root)
    return folders[folder] or (path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(root))
