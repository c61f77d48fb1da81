import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest

from overread.training import thresholds
from overread.training.thresholds import (
    SHRINKAGE,
    class_thresholds,
    fit_mixture,
    gmm_threshold,
    otsu_threshold,
    threshold,
)

ADAPTIVE = ("gmm", "otsu", "quantile")


def two_heaps(seed=0, num_low=800, num_high=200):
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(0.3, 0.1, num_low), rng.normal(2.0, 0.5, num_high)])
    return rng.permutation(values)


def loop_otsu(values):
    """The split of least variance within, by trying all; (its variance, the threshold)."""
    best = (np.inf, None)
    ordered = sorted(values)
    for low, high in itertools.pairwise(ordered):
        if low < high:
            parts = [[v for v in ordered if v <= low], [v for v in ordered if v >= high]]
            within = sum(len(part) * np.var(part) for part in parts)
            best = min(best, (within, (low + high) / 2))
    return best[1]


def loop_mixture(values, num_steps=300):
    """Expectation maximisation by hand: of each component its weight, mean and deviation, the lower one first."""
    floor = 5e-4 * (max(values) - min(values)) ** 2
    split = loop_otsu(values)
    shares = [1.0 if value < split else 0.0 for value in values]  # of the lower component in each value
    for _ in range(num_steps):
        components = []
        for parts in (shares, [1 - share for share in shares]):
            total = sum(parts)
            mean = sum(part * value for part, value in zip(parts, values, strict=True)) / total
            variance = sum(part * (value - mean) ** 2 for part, value in zip(parts, values, strict=True)) / total
            components.append((total / len(values), mean, math.sqrt(variance + floor)))
        shares = [loop_posterior(value, components) for value in values]
    return components


def loop_posterior(value, components):
    low, high = (weight * NormalDist(mean, deviation).pdf(value) for weight, mean, deviation in components)
    return low / (low + high)


@pytest.mark.parametrize("seed", range(4))
def test_the_mixture_is_that_of_expectation_maximisation_by_hand(seed):
    values = two_heaps(seed, 160, 40)
    mixture = fit_mixture(values)
    components = loop_mixture(values.tolist())
    found = np.stack([mixture.weights, mixture.means, mixture.deviations], axis=1)
    np.testing.assert_allclose(found, components, atol=1e-3)
    between = np.linspace(*mixture.means, 50)
    expected = [loop_posterior(value, components) for value in between]
    np.testing.assert_allclose(mixture.low_posterior(between), expected, atol=5e-3)


@pytest.mark.parametrize("seed", range(4))
def test_at_the_mixture_s_threshold_both_components_are_as_likely(seed):
    values = two_heaps(seed, 160, 40)
    limit = gmm_threshold(values)
    components = loop_mixture(values.tolist())
    assert loop_posterior(limit - 0.01, components) > 0.5 > loop_posterior(limit + 0.01, components)


def test_a_mixture_that_is_cut_short_warns_of_nothing(monkeypatch):
    monkeypatch.setattr(thresholds, "_MAX_STEPS", 1)
    values = two_heaps()
    assert 0.3 < gmm_threshold(values) < 2.0


def test_the_posterior_falls_as_the_value_rises_even_where_the_wider_heap_reaches_below_the_narrow_one():
    mixture = fit_mixture(two_heaps())
    posterior = mixture.low_posterior(np.linspace(-5, 10, 500))
    assert (np.diff(posterior) <= 0).all()
    assert (posterior[0] > 0.99, posterior[-1] < 0.01) == (True, True)


@pytest.mark.parametrize("draw", ["normal", "exponential"])
def test_values_in_one_heap_have_no_mixture(draw):
    for seed in range(5):
        assert fit_mixture(getattr(np.random.default_rng(seed), draw)(size=2000)) is None


@pytest.mark.parametrize("scale", [0.01, 1.0])
def test_losses_in_one_heap_are_split_by_otsu_though_not_below_the_fixed_threshold(scale):
    losses = scale * np.random.default_rng(0).exponential(size=2000)
    expected = 0.16 if scale == 0.01 else loop_otsu(losses.tolist())
    assert threshold(losses, method="gmm", fixed=0.16) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
def test_otsu_is_the_best_of_all_splits(seed):
    rng = np.random.default_rng(seed)
    values = rng.exponential(size=60).round(1)  # with ties
    assert otsu_threshold(values) == pytest.approx(loop_otsu(values.tolist()))


def test_otsu_of_two_spikes_lies_half_way():
    assert otsu_threshold(np.array([0.0, 0.0, 0.0, 1.0])) == 0.5


def test_a_quantile_has_its_share_below_it():
    values = two_heaps()
    assert np.mean(values < threshold(values, method="quantile", fixed=0.16, quantile=0.7)) == pytest.approx(0.7)


@pytest.mark.parametrize("method", ["fixed", *ADAPTIVE])
def test_without_values_the_threshold_is_the_fixed_one(method):
    assert threshold(np.zeros(0), method=method, fixed=0.16) == 0.16
    assert class_thresholds(np.zeros(0), np.zeros(0, dtype=int), 3, method=method, fixed=0.16).tolist() == [0.16] * 3


@pytest.mark.parametrize("method", ["gmm", "otsu"])
@pytest.mark.parametrize("values", [[0.7], [0.7] * 50, [0.0] * 3], ids=str)
def test_values_that_are_all_equal_leave_the_fixed_threshold(method, values):
    assert threshold(np.array(values), method=method, fixed=0.16) == 0.16


@pytest.mark.parametrize("method", ADAPTIVE)
def test_two_values_and_huge_ones_warn_of_nothing(method):
    for values in ([0.1, 0.2], [0.0, 1e30], [1e-30, 2e-30], [0.1] * 30 + [87.3]):
        limit = threshold(np.array(values), method=method, fixed=0.16)
        assert limit == 0.16 or min(values) <= limit <= max(values)


@pytest.mark.parametrize("method", ADAPTIVE)
def test_a_large_class_has_its_own_threshold_and_a_small_one_nearly_that_of_the_whole(method):
    easy, hard = two_heaps(0, 8000, 2000), two_heaps(1, 8000, 2000) * 3
    few = two_heaps(2, 3, 2) * 10
    values, labels = np.concatenate([easy, hard, few]), np.repeat([0, 1, 3], [10_000, 10_000, 5])
    limits = class_thresholds(values, labels, 4, method=method, fixed=0.16)
    whole = threshold(values, method=method, fixed=0.16)
    for label, own in ((0, easy), (1, hard), (3, few)):
        alone, weight = threshold(own, method=method, fixed=whole), len(own) / (len(own) + SHRINKAGE)
        assert limits[label] == pytest.approx(weight * alone + (1 - weight) * whole)
    assert limits[2] == whole  # no sample at all
    assert limits[1] / limits[0] == pytest.approx(3, rel=0.05)


def test_fixed_is_fixed_for_every_class():
    labels = np.arange(1000) % 3
    assert class_thresholds(two_heaps(), labels, 3, method="fixed", fixed=0.16).tolist() == [0.16] * 3
