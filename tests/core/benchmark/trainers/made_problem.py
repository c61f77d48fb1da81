"""A small problem of two obvious classes, some labels of which are wrong."""

from dataclasses import replace

import numpy as np
import torch

from overread.benchmark.trainers.training_problem import Recipe, TrainingProblem
from overread.config import QUICK
from overread.network_settings import ModelSettings, RoundsSettings, WarmupSettings
from overread.training.training_data import TrainingData

SETTINGS = replace(
    QUICK,
    model=ModelSettings("narrow", 32, "fp32"),
    warmup=WarmupSettings(num_epochs=1),
    rounds=RoundsSettings(num_epochs=(1,), first_stages=(1,)),
)
"""The paper's loop takes two epochs; what is left of a recipe goes to its final phase."""
RECIPE = Recipe(num_epochs=6, batch_size=8, learning_rate=3e-3)


def made_problem(
    num_samples: int = 60, *, num_test: int = 20, noise_rate: float = 0.2, seed: int = 0, recipe: Recipe = RECIPE
) -> tuple[TrainingProblem, np.ndarray]:
    """The problem and its true labels (N,) int64: bright left halves against bright right ones, under noise; of the
    labels to train on, that share is wrong; the last num_test are right, and for testing."""
    rng = np.random.default_rng(seed)
    true = rng.permutation(np.arange(num_samples) % 2)
    images = rng.normal(0.4, 0.1, (num_samples, 1, 32, 32))
    images[true == 0, :, :, :16] += 0.2
    images[true == 1, :, :, 16:] += 0.2
    num_trained = num_samples - num_test
    given = true.copy()
    wrong = rng.permutation(num_trained)[: round(noise_rate * num_trained)]
    given[wrong] = 1 - true[wrong]
    data = TrainingData(
        pixels=torch.from_numpy((255 * images.clip(0, 1)).astype(np.uint8)),
        given=given,
        is_trained=np.arange(num_samples) < num_trained,
        num_classes=2,
    )
    # As an encoder's would be: the halves' brightness among numbers that mean nothing.
    halves = np.stack([images[..., :16].mean(axis=(1, 2, 3)), images[..., 16:].mean(axis=(1, 2, 3))], axis=1)
    features = np.concatenate([halves * 10, rng.normal(size=(num_samples, 6))], axis=1).astype(np.float32)
    return TrainingProblem(data, SETTINGS, recipe, seed, features=features, noise_rate=noise_rate), true
