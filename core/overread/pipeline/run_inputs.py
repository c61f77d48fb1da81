"""The inputs of a run: the study's images and labels, and which of its samples belong together."""

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from overread.checks.exact_duplicates import exact_duplicate_groups
from overread.config import TrainSettings
from overread.detection.folds import grouped_folds
from overread.errors import MissingImagesError, StudyError
from overread.files import make_folder, report_damage, write_atomically
from overread.images.cache.cache_build import build_cache
from overread.images.cache.pixel_cache import open_cache
from overread.studies.run import CHECKPOINT_DAMAGED, Run
from overread.studies.sample_groups import (
    DuplicateGroups,
    duplicate_group_numbers,
    read_duplicate_groups,
    sample_groups,
    write_duplicate_groups,
)
from overread.studies.study import Study

if TYPE_CHECKING:
    from overread.training.progress_log import ProgressLog
    from overread.training.training_data import TrainingData


@dataclass(frozen=True)
class Inputs:
    """A row for every sample, in the order of samples.csv."""

    samples: pd.DataFrame
    """samples.csv."""
    classes: tuple[str, ...]
    pixels: np.ndarray
    """(N, H, W, C) uint8."""
    given: np.ndarray
    """(N,) int64 class indices of the given labels."""
    is_trained: np.ndarray
    """(N,) bool: all but the samples of split `test`, and what readers excluded."""
    duplicate_groups: np.ndarray
    """(N,) int64: equal for near-duplicates, -1 for one alone."""
    groups: np.ndarray
    """(N,) int64: equal for samples of one patient, slide or duplicate group."""
    votes: np.ndarray | None
    """(N, R) int64 class indices of the raters' labels, -1 where one gave none; None without raters."""

    def without(self, is_excluded: np.ndarray) -> "Inputs":
        """The same, but that the samples of is_excluded (N,) bool are not trained on."""
        return replace(self, is_trained=self.is_trained & ~is_excluded)

    def held_out_folds(self, settings: TrainSettings, seed: int) -> list[np.ndarray]:
        """Dataset indices of each fold that a network is fitted without; none where one of the folds would leave it a
        single class to learn."""
        if not settings.cross_fitting.num_folds:
            return []
        trained = np.flatnonzero(self.is_trained)
        given = self.given[trained]
        folds = grouped_folds(given, self.groups[trained], settings.cross_fitting.num_folds, seed)
        if any(len(np.unique(given[fitted])) < 2 for fitted, _ in folds):
            return []
        return [trained[held_out] for _, held_out in folds]

    def training_data(self, settings: TrainSettings, device: Any) -> "TrainingData":
        """Pixels and labels on the device. Raises ConfigError if there are not two classes to train on."""
        from overread.training.training_data import TrainingData, load_pixels

        return TrainingData(
            pixels=load_pixels(self.pixels, size_px=settings.model.image_size_px, device=device),
            given=self.given,
            is_trained=self.is_trained,
            num_classes=len(self.classes),
        )


def run_inputs(
    study: Study, samples: pd.DataFrame, run: Run, settings: TrainSettings, progress: "ProgressLog"
) -> Inputs:
    """samples: samples.csv. Which images show the same picture is looked for where the settings ask for it and nobody
    has yet; a run that is resumed has those that it began with."""
    pixels = cached_pixels(study, samples)
    duplicate_groups = _duplicate_groups(study, run, progress) if settings.refinement.num_folds else []
    numbers = {name: number for number, name in enumerate(study.classes)}
    votes = [samples[name].map(lambda label: numbers.get(label, -1)) for name in study.rater_names]
    return Inputs(
        samples=samples,
        classes=study.classes,
        pixels=pixels,
        given=np.array([numbers[label] for label in samples["given_label"]], dtype=np.int64),
        is_trained=(samples["split"] != "test").to_numpy(dtype=bool),
        duplicate_groups=duplicate_group_numbers(samples["sample_id"], duplicate_groups),
        groups=sample_groups(samples, duplicate_groups),
        votes=np.stack(votes, axis=1) if votes else None,
    )


def cached_pixels(study: Study, samples: pd.DataFrame) -> np.ndarray:
    """(N, H, W, C) uint8, the order of samples.csv; the pixel cache is filled first if it isn't whole."""
    ids = samples["sample_id"].tolist()
    try:
        cache = open_cache(study.pixels_path)
        is_whole = set(ids) <= set(cache.keys)
    except StudyError:
        is_whole = False
    if not is_whole:
        images = {row.sample_id: study.image_location(row.image) for row in samples.itertuples()}
        faults = build_cache(study.pixels_path, images, size_px=study.image_size_px)
        if faults:
            raise MissingImagesError(
                f"{study.path}: {len(faults)} of its images can no longer be read; import it again with --update"
            )
        cache = open_cache(study.pixels_path)
    cache.verify()
    places = {key: place for place, key in enumerate(cache.keys)}
    order = np.array([places[key] for key in ids])
    return cache.pixels if np.array_equal(order, np.arange(len(cache.keys))) else cache.pixels[order]


def _duplicate_groups(study: Study, run: Run, progress: "ProgressLog") -> DuplicateGroups:
    path = run.path / "checkpoint" / "pictures.json"
    if path.is_file():
        with report_damage(path, CHECKPOINT_DAMAGED):
            return json.loads(path.read_text(encoding="utf-8"))
    duplicate_groups = _found_duplicate_groups(study, progress)
    make_folder(path.parent)
    write_atomically(path, json.dumps(duplicate_groups))
    return duplicate_groups


def _found_duplicate_groups(study: Study, progress: "ProgressLog") -> DuplicateGroups:
    cache = open_cache(study.pixels_path)
    known = read_duplicate_groups(study, cache)
    if known is not None:
        return known
    try:
        from overread.checks.duplicate_groups import find_duplicate_groups
    except ImportError:
        progress.emit(
            "note", message="OpenCV is not installed: only exact duplicates were searched for, not near-duplicates."
        )
        return exact_duplicate_groups(cache.pixels, cache.keys)
    duplicate_groups = find_duplicate_groups(cache, on_progress=progress.duplicate_groups)
    write_duplicate_groups(study, cache, duplicate_groups)
    return duplicate_groups
