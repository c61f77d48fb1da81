import math

import numpy as np
import pytest
import torch
from scipy.stats import norm

from overread.benchmark.trainers.dividemix import (
    DivideMixSettings,
    believed_labels,
    clean_probs,
    dividemix_settings,
    mixed_loss,
    refined_targets,
    sharpen,
    train_by_dividemix,
    warmup_loss,
)
from overread.benchmark.trainers.mixup import Mix, draw_mix
from overread.benchmark.trainers.training_problem import Recipe
from tests.core.benchmark.trainers.made_problem import made_problem
from tests.core.benchmark.trainers.test_small_loss import loop_softmax


def some_probs(seed, size=5, num_classes=3):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(num_classes), size)


def loop_sharpen(row, temperature):
    powers = [value ** (1 / temperature) for value in row]
    return [value / sum(powers) for value in powers]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 0.1])
def test_sharpening_is_a_power_normalised(temperature):
    probs = some_probs(0)
    expected = [loop_sharpen(row, temperature) for row in probs]
    np.testing.assert_allclose(sharpen(torch.from_numpy(probs), temperature), expected)


def test_a_label_is_refined_by_as_much_as_it_is_doubted():
    probs, clean, targets = some_probs(1), [1.0, 0.0, 0.3, 0.8, 0.5], [0, 1, 2, 0, 1]
    expected = []
    for row, share, target in zip(probs, clean, targets, strict=True):
        label = [float(c == target) for c in range(3)]
        expected.append(loop_sharpen([share * a + (1 - share) * b for a, b in zip(label, row, strict=True)], 0.5))
    refined = refined_targets(
        torch.tensor(targets), torch.tensor(clean, dtype=torch.float64), torch.from_numpy(probs), 0.5
    )
    np.testing.assert_allclose(refined, expected)
    assert refined[0].tolist() == [1, 0, 0]


@pytest.mark.parametrize("num_labelled", [3, 5])
def test_the_mixed_loss_is_that_of_equations_9_to_12(num_labelled):
    rng = np.random.default_rng(2)
    logits, targets, weight = 2 * rng.normal(size=(5, 3)), some_probs(3), 25.0
    probs = [loop_softmax(row) for row in logits]
    labelled = sum(-targets[i][c] * math.log(probs[i][c]) for i in range(num_labelled) for c in range(3)) / num_labelled
    squares = [(targets[i][c] - probs[i][c]) ** 2 for i in range(num_labelled, 5) for c in range(3)]
    unlabelled = sum(squares) / len(squares) if squares else 0.0
    mean = [sum(row[c] for row in probs) / 5 for c in range(3)]
    prior = sum(1 / 3 * math.log(1 / 3 / mean[c]) for c in range(3))
    found = mixed_loss(torch.from_numpy(logits), torch.from_numpy(targets), num_labelled, weight)
    assert found.item() == pytest.approx(labelled + weight * unlabelled + prior)


@pytest.mark.parametrize("confidence_penalty", [True, False])
def test_the_penalty_takes_the_entropy_off_the_warm_up_s_loss(confidence_penalty):
    logits, targets = 2 * np.random.default_rng(4).normal(size=(6, 4)), [0, 1, 2, 3, 0, 1]
    expected = 0.0
    for row, target in zip(logits, targets, strict=True):
        probs = loop_softmax(row)
        expected -= math.log(probs[target]) / 6
        if confidence_penalty:
            expected += sum(p * math.log(p) for p in probs) / 6
    found = warmup_loss(torch.from_numpy(logits), torch.tensor(targets), confidence_penalty=confidence_penalty)
    assert found.item() == pytest.approx(expected)


def test_the_mixture_finds_the_posterior_of_the_two_normals_that_made_the_losses():
    rng = np.random.default_rng(5)
    is_clean = rng.random(4000) < 0.6
    losses = np.where(is_clean, rng.normal(1.0, 0.3, 4000), rng.normal(4.0, 0.8, 4000))
    # The fit adds 5e-4 of the squared range to both variances.
    floor = 5e-4 * np.ptp(losses) ** 2
    low, high = 0.6 * norm.pdf(losses, 1, (0.09 + floor) ** 0.5), 0.4 * norm.pdf(losses, 4, (0.64 + floor) ** 0.5)
    np.testing.assert_allclose(clean_probs(losses, seed=0), low / (low + high), atol=0.1)
    np.testing.assert_array_equal(clean_probs(np.ones(9), seed=0), 1)


def test_a_class_without_a_believed_label_keeps_its_likeliest():
    clean, given = np.array([0.9, 0.2, 0.3, 0.1]), np.array([0, 1, 1, 2])
    assert believed_labels(clean, given, 0.5).tolist() == [True, False, True, True]


def test_a_mix_is_mostly_the_sample_itself():
    mix = Mix(0.75, torch.tensor([1, 2, 0]))
    np.testing.assert_allclose(mix.of(torch.tensor([[0.0], [4.0], [8.0]])), [[1], [5], [6]])
    shares = [draw_mix(4, 4.0, torch.Generator().manual_seed(seed)).share for seed in range(2000)]
    assert min(shares) >= 0.5
    # E[max(X, 1 - X)] of X from Beta(4, 4), by numbers.
    x = np.linspace(0, 1, 20001)
    density = 140 * (x * (1 - x)) ** 3
    assert np.mean(shares) == pytest.approx((density * np.maximum(x, 1 - x)).sum() / 20000, abs=0.006)
    assert sorted(draw_mix(9, 4.0, torch.Generator().manual_seed(1)).partner.tolist()) == list(range(9))


def test_it_trains_where_every_label_is_believed_and_where_almost_none_is():
    problem, _ = made_problem(24, num_test=8, recipe=Recipe(num_epochs=2, batch_size=8))
    for min_clean in (-1.0, 1.0):
        probs = train_by_dividemix(problem, DivideMixSettings(min_clean=min_clean, confidence_penalty=True)).probs
        np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)
    assert dividemix_settings(100, 300).num_warmup == 30 and dividemix_settings(4, 300).num_warmup == 10
    assert dividemix_settings(4, 300).unlabelled_weight == 25 and dividemix_settings(4, 24).unlabelled_weight == 0
