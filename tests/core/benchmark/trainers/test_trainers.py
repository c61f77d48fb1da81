from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from overread.benchmark.trainers.trainers import TRAINERS
from overread.benchmark.trainers.training_problem import Recipe
from overread.errors import ConfigError
from overread.training.training_data import TrainingData
from tests.core.benchmark.trainers.made_problem import made_problem
from tests.core.training.conftest import striped_pixels

SHORT = Recipe(num_epochs=2, batch_size=16)


@pytest.mark.parametrize("name", TRAINERS)
def test_every_method_learns_what_is_obvious(name):
    problem, true = made_problem()
    probs = TRAINERS[name].train(problem).probs
    assert probs.shape == (60, 2) and probs.dtype == np.float32
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)
    is_test = ~problem.data.is_trained
    # Of 20 test images, a coin gets 15 or more right once in 48.
    assert (probs.argmax(axis=1) == true)[is_test].mean() >= 0.75


@pytest.mark.parametrize("name", TRAINERS)
def test_nothing_is_learnt_from_test_samples_or_from_what_a_method_does_not_ask_for(name):
    problem, _ = made_problem(num_samples=40, num_test=16, recipe=SHORT)
    method, data, rng = TRAINERS[name], problem.data, np.random.default_rng(9)
    pixels, features = data.pixels.clone(), problem.features.copy()
    pixels[24:] = torch.from_numpy(rng.integers(0, 256, pixels[24:].shape, dtype=np.uint8))
    features[24:] = rng.normal(size=features[24:].shape)
    given = np.where(data.is_trained, data.given, 1 - data.given)
    other = replace(
        problem,
        data=replace(data, pixels=pixels, given=given),
        features=features if method.needs_features else None,
        noise_rate=problem.noise_rate if method.is_told_noise_rate else None,
    )
    first, second = (method.train(one).probs for one in (problem, other))
    np.testing.assert_allclose(first[:24], second[:24], atol=1e-5)
    assert not np.allclose(first[24:], second[24:], atol=1e-5)


@pytest.mark.parametrize("name", [name for name, method in TRAINERS.items() if method.needs_features])
def test_a_method_that_needs_features_says_so_where_there_are_none(name):
    problem, _ = made_problem(recipe=SHORT)
    with pytest.raises(ConfigError, match="needs features"):
        TRAINERS[name].train(replace(problem, features=None))


def test_the_paper_s_loop_ends_with_the_recipe_and_refuses_one_that_is_too_short():
    problem, _ = made_problem(recipe=replace(SHORT, num_epochs=1))
    with pytest.raises(ConfigError, match="take 2 epochs, more than the recipe's 1"):
        TRAINERS["paper"].train(problem)


def noisy_stripes(seed, *, num_trained=450, num_test=150, noise_rate=0.45):
    """Three classes of stripes, symmetric noise."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 3, num_trained + num_test)
    given = true.copy()
    wrong = rng.permutation(num_trained)[: round(noise_rate * num_trained)]
    given[wrong] = (true[wrong] + rng.integers(1, 3, len(wrong))) % 3
    is_trained = np.arange(len(true)) < num_trained
    problem, _ = made_problem(recipe=Recipe(num_epochs=25, batch_size=32, learning_rate=2e-3))
    data = TrainingData(striped_pixels(true, seed), given, is_trained, 3)
    return replace(problem, data=data, seed=seed, features=None, noise_rate=noise_rate), true


@cache
def accuracy(name, seed):
    problem, true = noisy_stripes(seed)
    return (TRAINERS[name].train(problem).probs.argmax(axis=1) == true)[~problem.data.is_trained].mean()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["symmetric_cross_entropy", "forward_correction"])
def test_with_almost_half_of_the_labels_wrong_it_is_ahead_of_cross_entropy(name):
    gains = [accuracy(name, seed) - accuracy("cross_entropy", seed) for seed in range(3)]
    assert np.mean(gains) > 0.02, gains
