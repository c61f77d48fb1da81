"""The order of methods that their papers report, on a task where a network memorises wrong labels within seconds."""

from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import pytest
import torch

from overread.benchmark.trainers.dividemix import DivideMixSettings, train_by_dividemix
from overread.benchmark.trainers.trainers import TRAINERS
from overread.benchmark.trainers.training_problem import Recipe, TrainingProblem
from overread.training.training_data import TrainingData
from tests.core.benchmark.trainers.made_problem import SETTINGS


@dataclass(frozen=True)
class Waves:
    """Plane waves in as many directions as classes, with symmetric noise."""

    num_classes: int
    amplitude: float
    """That of the noise on them is 0.25."""
    noise_rate: float
    num_trained: int
    num_test: int
    recipe: Recipe

    def problem(self, seed: int) -> tuple[TrainingProblem, np.ndarray]:
        rng = np.random.default_rng(seed)
        num_samples = self.num_trained + self.num_test
        true = rng.permutation(np.arange(num_samples) % self.num_classes)
        angle = np.pi * true / self.num_classes + rng.normal(0, 0.08, num_samples)
        frequency = rng.uniform(2.5, 4.5, num_samples) * 2 * np.pi / 32
        phase = rng.uniform(0, 2 * np.pi, num_samples)
        y, x = np.mgrid[:32, :32]
        along = np.cos(angle)[:, None, None] * x + np.sin(angle)[:, None, None] * y
        waves = np.sin(frequency[:, None, None] * along + phase[:, None, None])
        images = 0.5 + self.amplitude * waves + rng.normal(0, 0.25, waves.shape)
        given = true.copy()
        wrong = rng.permutation(self.num_trained)[: int(self.num_trained * self.noise_rate)]
        given[wrong] = (true[wrong] + rng.integers(1, self.num_classes, len(wrong))) % self.num_classes
        pixels = torch.from_numpy((255 * images.clip(0, 1)).astype(np.uint8))[:, None]
        data = TrainingData(pixels, given, np.arange(num_samples) < self.num_trained, self.num_classes)
        return TrainingProblem(data, SETTINGS, self.recipe, seed, noise_rate=self.noise_rate), true


FOUR = Waves(4, 0.2, 0.5, num_trained=320, num_test=200, recipe=Recipe(24, 32, learning_rate=2e-3))
TWO = Waves(2, 0.35, 0.4, num_trained=160, num_test=160, recipe=Recipe(16, 16, learning_rate=2e-3))


@cache
def accuracy(name: str, waves: Waves = FOUR, seed: int = 0) -> float:
    """On test images, after the last epoch."""
    problem, true = waves.problem(seed)
    # With what its paper has for half of the labels wrong; short trainings have another weight.
    train = partial(train_by_dividemix, settings=DivideMixSettings()) if name == "dividemix" else TRAINERS[name].train
    probs = train(problem).probs
    return float((probs.argmax(axis=1) == true)[~problem.data.is_trained].mean())


@pytest.mark.slow
def test_co_teaching_is_ahead_of_cross_entropy_and_dividemix_of_both():
    assert accuracy("cross_entropy") + 0.1 < accuracy("co_teaching") < accuracy("dividemix") - 0.03


@pytest.mark.slow
def test_disc_is_ahead_of_cross_entropy():
    assert accuracy("cross_entropy") + 0.1 < accuracy("disc")


@pytest.mark.slow
def test_elr_plus_is_ahead_of_cross_entropy():
    """On two classes, in small batches: on six seeds it had 0.79 to 0.97, cross-entropy 0.62 to 0.70 on three of them.
    With more classes, or fewer and longer steps, its networks may agree early on too few classes, and stay there."""
    of_each = np.array([[accuracy(name, TWO, seed) for seed in range(3)] for name in ("cross_entropy", "elr_plus")])
    assert np.median(of_each[0]) + 0.1 < np.median(of_each[1]), of_each
