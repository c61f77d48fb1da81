"""Trains and measures one cell of the tables of accuracy; what its rows share is computed once."""

import hashlib
import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from overread.benchmark.accuracy_measures import accuracy_measures
from overread.benchmark.accuracy_rows import OWN, Row
from overread.benchmark.array_digest import array_digest
from overread.benchmark.budgets import Budget
from overread.benchmark.code_digest import code_digest
from overread.benchmark.peak_memory import peak_mb, reset_peak
from overread.benchmark.split_tasks import SplitTask
from overread.benchmark.starts import FEATURES, NONE, PRETRAININGS, PretrainedWeights
from overread.benchmark.task_features import Listener, load_features
from overread.benchmark.trainers.trainers import TRAINERS
from overread.benchmark.trainers.training_problem import Recipe, TrainingProblem
from overread.config import TrainSettings, override_settings, preset_settings
from overread.errors import ConfigError
from overread.training.device import has_bf16_units
from overread.training.training_data import TrainingData, load_pixels

NOT_MEASURED = ("accuracy", "average_precision", "majority", "num_trained", "num_test", "seconds", "peak_mb")
"""What a page reads of every line, and a training that diverged has not."""


def loop_settings(budget: Budget, device: torch.device, *, cache_px: int, num_trained: int) -> TrainSettings:
    """The paper's, within the budget."""
    settings = preset_settings(
        "paper",
        device=device.type,
        has_bf16=has_bf16_units(device),
        cache_size_px=cache_px,
        num_samples=num_trained,
    )
    size_px = min(budget.image_size_px, cache_px)
    settings = replace(
        settings,
        model=replace(settings.model, encoder=budget.encoder, image_size_px=size_px),
        pretrain=replace(settings.pretrain, num_epochs=budget.num_pretrain_epochs),
    )
    return override_settings(settings, budget.overrides)


class SplitTaskCells:
    """The cells of one task."""

    def __init__(
        self, split: SplitTask, budget: Budget, *, cache: Path, device: torch.device, listener: Listener
    ) -> None:
        self.split, self.cache, self._budget, self._device, self._listener = split, cache, budget, device, listener
        task = split.task
        self.settings = loop_settings(
            budget, device, cache_px=task.pixels.shape[1], num_trained=int(split.is_trained.sum())
        )
        self.pixels_digest = array_digest(task.pixels, task.true, task.groups, split.is_trained, split.is_test)
        self._data = TrainingData(
            pixels=load_pixels(task.pixels, size_px=self.settings.model.image_size_px, device=device),
            given=task.true,
            is_trained=split.is_trained,
            num_classes=len(task.classes),
        )
        self._starts = PretrainedWeights(split.name, self._data, self.pixels_digest, cache / "starts", listener)

    def key(self, row: Row, seed: int, given: np.ndarray) -> dict[str, str]:
        """Digests of the configuration, the data and the code of a cell. given: (N,) int64."""
        said = {
            "settings": self._settings(row).to_dict(),
            "recipe": asdict(self.recipe(row)),
            "assignments": row.assignments,
        }
        modules = [TRAINERS[row.method].train.__module__]
        if row.start in PRETRAININGS:
            modules.append(PRETRAININGS[row.start].module)
        return {
            "configuration": hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16],
            "data": array_digest(np.frombuffer(self.pixels_digest.encode(), np.uint8), given),
            "code": code_digest(*modules),
        }

    def recipe(self, row: Row) -> Recipe:
        """The one that all share, or the method's own."""
        own = TRAINERS[row.method].own_recipe
        return own if row.recipe == OWN and own else self._budget.recipe

    def measure(self, row: Row, seed: int, given: np.ndarray) -> dict[str, Any]:
        """The cell's values; where the training diverged, `failed` says so and there is no accuracy.

        seconds: of the training and the prediction, without pretraining or features. given: (N,) int64.
        """
        problem = self._problem(row, seed, given)
        reset_peak(self._device)
        start_s = time.perf_counter()
        try:
            probs = TRAINERS[row.method].train(problem).probs
        except ConfigError as error:
            if "diverged" not in str(error):
                raise
            return {"failed": str(error)} | dict.fromkeys(NOT_MEASURED)
        synchronise(self._device)
        seconds = time.perf_counter() - start_s
        memory = peak_mb(self._device)
        task = self.split.task
        found = accuracy_measures(probs, task.true, given, self.split.is_trained, self.split.is_test)
        return {**found, "seconds": round(seconds, 2), "peak_mb": memory}

    def measure_speed(self, row: Row, seed: int, given: np.ndarray) -> dict[str, Any]:
        """Images a second over a whole training with its prediction, after an epoch of cross-entropy, untimed, that
        wakes the device. given: (N,) int64."""
        problem = self._problem(row, seed, given)
        TRAINERS["cross_entropy"].train(replace(problem, recipe=replace(problem.recipe, num_epochs=1)))
        synchronise(self._device)
        measured = self.measure(row, seed, given)
        if "failed" in measured:
            return measured
        images = measured["num_trained"] * problem.recipe.num_epochs
        return {**measured, "images_per_s": round(images / max(measured["seconds"], 0.01))}

    def _settings(self, row: Row) -> TrainSettings:
        return override_settings(self.settings, row.assignments)

    def _problem(self, row: Row, seed: int, given: np.ndarray) -> TrainingProblem:
        method, settings = TRAINERS[row.method], self._settings(row)
        task, is_trained = self.split.task, self.split.is_trained
        rate = float((given != task.true)[is_trained].mean())
        features = None
        if method.needs_features:
            features = load_features(
                "pretrained", task, seed, self.cache, device=self._device.type, listener=self._listener
            )
        return TrainingProblem(
            data=replace(self._data, given=given),
            settings=settings,
            recipe=self.recipe(row),
            seed=seed,
            pretrained=None if row.start in (NONE, FEATURES) else self._starts.load(row.start, settings, seed),
            features=features,
            groups=task.groups,
            noise_rate=rate if method.is_told_noise_rate else None,
        )


def synchronise(device: torch.device) -> None:
    """Wait for what a GPU still computes."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
