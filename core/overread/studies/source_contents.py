"""What a study takes from a source: the samples whose images can be read, and the rows for the quarantine."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from overread.images.cache.cache_build import build_cache
from overread.images.cache.pixel_cache import open_cache
from overread.records import Sample, Source
from overread.studies.sample_ids import EarlierSamples, sample_ids
from overread.studies.study import keyed_hashes
from overread.studies.usable_rows import check_classes, usable_rows

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
    ids = sample_ids(study_path, source, earlier or EarlierSamples())
    usable = usable_rows(source, ids)
    first, reasons = usable.first, dict(usable.reasons)
    faults = build_cache(cache_path, usable.images, size_px=image_size_px, on_progress=on_progress)
    for place, key in enumerate(ids):
        if key in faults and place not in reasons:
            reasons[place] = faults[key]
    readable = {key: row for key, row in first.items() if key not in faults}
    hashes = {row.key: row.sha256 for row in open_cache(cache_path).rows}
    check_classes(source, {row.label for row in readable.values()}, reasons)
    patients = keyed_hashes(study_path, [row.patient for row in readable.values()])
    slides = keyed_hashes(study_path, [row.slide for row in readable.values()])
    samples = tuple(
        Sample(key, row.image, row.label, patient, slide, row.split, row.raters, hashes[key])
        for (key, row), patient, slide in zip(readable.items(), patients, slides, strict=True)
    )
    rows = source.rows
    quarantine = tuple((str(rows[place].row), rows[place].image, reasons[place]) for place in sorted(reasons))
    return Contents(samples, quarantine)
