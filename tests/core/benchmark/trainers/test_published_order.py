"""The order of methods that their papers report, on a task where a network memorises wrong labels within a minute."""

from functools import cache, partial

import numpy as np
import pytest
import torch

from overread.benchmark.trainers.dividemix import DivideMixSettings, train_by_dividemix
from overread.benchmark.trainers.trainers import TRAINERS
from overread.benchmark.trainers.training_problem import Recipe, TrainingProblem
from overread.training.training_data import TrainingData
from tests.core.benchmark.trainers.made_problem import SETTINGS

NUM_TRAINED, NUM_TEST, NUM_CLASSES = 600, 400, 4
RECIPE = Recipe(num_epochs=30, batch_size=32, learning_rate=2e-3)


def faint_waves(seed: int) -> tuple[TrainingProblem, np.ndarray]:
    """Plane waves in four directions, fainter than the noise on them, with symmetric noise: half of the labels to train
    on are wrong."""
    rng = np.random.default_rng(seed)
    num_samples = NUM_TRAINED + NUM_TEST
    true = rng.permutation(np.arange(num_samples) % NUM_CLASSES)
    angle = np.pi * true / NUM_CLASSES + rng.normal(0, 0.08, num_samples)
    frequency = rng.uniform(2.5, 4.5, num_samples) * 2 * np.pi / 32
    phase = rng.uniform(0, 2 * np.pi, num_samples)
    y, x = np.mgrid[:32, :32]
    along = np.cos(angle)[:, None, None] * x + np.sin(angle)[:, None, None] * y
    waves = np.sin(frequency[:, None, None] * along + phase[:, None, None])
    images = 0.5 + 0.12 * waves + rng.normal(0, 0.25, waves.shape)
    given = true.copy()
    wrong = rng.permutation(NUM_TRAINED)[: NUM_TRAINED // 2]
    given[wrong] = (true[wrong] + rng.integers(1, NUM_CLASSES, len(wrong))) % NUM_CLASSES
    pixels = torch.from_numpy((255 * images.clip(0, 1)).astype(np.uint8))[:, None]
    data = TrainingData(pixels, given, np.arange(num_samples) < NUM_TRAINED, NUM_CLASSES)
    return TrainingProblem(data, SETTINGS, RECIPE, seed, noise_rate=0.5), true


@cache
def accuracy(name: str, seed: int = 0) -> float:
    """On test images, after the last epoch."""
    problem, true = faint_waves(seed)
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
def test_elr_plus_is_ahead_of_cross_entropy_in_most_trainings():
    """On seven seeds its accuracy lay between 0.25 and 0.92, on other processors elsewhere on the same seed."""
    of_each = np.array([[accuracy(name, seed) for seed in range(5)] for name in ("cross_entropy", "elr_plus")])
    assert np.median(of_each[0]) < np.median(of_each[1])
