"""A training set that is learnt in a second: each class is a pattern of stripes, under noise."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from overread.config import (
    CrossValidationSettings,
    ModelSettings,
    PretrainSettings,
    RoundsSettings,
    TrainSettings,
    WarmupSettings,
)
from overread.phases import plan_phases
from overread.training.engine import Training
from overread.training.progress_log import ProgressLog
from overread.training.training_data import TrainingData

SIDE_PX = 32
TINY = TrainSettings(
    "tiny",
    ModelSettings("narrow", SIDE_PX, "fp32"),
    PretrainSettings(num_epochs=2, batch_size=32, projection_size=16),
    WarmupSettings(num_epochs=2, batch_size=32),
    RoundsSettings(num_epochs=(2, 3), first_stages=(1, 2), later_stages=(1, 3), max_loss=0.6),
    CrossValidationSettings(num_folds=0),
)
NUM_EPOCHS = 9


def striped_pixels(classes: np.ndarray, seed: int = 0) -> torch.Tensor:
    """(N, 1, SIDE_PX, SIDE_PX) uint8: horizontal, vertical or diagonal stripes, shifted and noisy each in its way."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX]
    axes = np.stack([y, x, y + x])
    phases = rng.uniform(0, 2 * np.pi, (len(classes), 1, 1))
    waves = 0.5 + 0.35 * np.sin(2 * np.pi * axes[classes] / 8 + phases)
    noisy = waves + rng.normal(0, 0.06, waves.shape)
    return torch.from_numpy((255 * noisy.clip(0, 1)).astype(np.uint8))[:, None]


def made_data(num_samples: int = 64, num_classes: int = 2, num_flipped: int = 0, num_test: int = 0) -> TrainingData:
    """Samples of all classes in turn; the first `num_flipped` under the next class, the last `num_test` for testing."""
    true = np.arange(num_samples) % num_classes
    given = true.copy()
    given[:num_flipped] = (true[:num_flipped] + 1) % num_classes
    is_trained = np.arange(num_samples) < num_samples - num_test
    return TrainingData(striped_pixels(true), given, is_trained, num_classes)


@pytest.fixture
def make_training(tmp_path) -> Callable[..., Training]:
    """A training in a folder of the test's own; one of the same name goes on from that one's checkpoint."""

    def make(data=None, settings=TINY, *, name="run", seed=0, listener=None, folds=()) -> Training:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        progress = ProgressLog(folder / "progress.jsonl", plan_phases(settings, len(folds)), listener)
        data = made_data() if data is None else data
        return Training(data, settings, seed, progress, folder / "checkpoint" / "state.pt", folds=folds)

    return make


def with_rounds(settings: TrainSettings, **changes: object) -> TrainSettings:
    return replace(settings, rounds=replace(settings.rounds, **changes))
