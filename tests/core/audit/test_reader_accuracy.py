"""What two readings tell of readers, against simulated readers and scipy's binomial."""

import numpy as np
import pytest
from scipy.stats import binom

from overread.audit.reader_accuracy import ReaderAccuracy, most_truly_wrong, reader_accuracy


def pairs_of(rng, sensitivity, specificity, num=150):
    found = []
    for prevalence in (0.6, 0.02):
        is_wrong = rng.random(num) < prevalence
        called = rng.random((2, num)) < np.where(is_wrong, sensitivity, 1 - specificity)
        found.append(np.bincount(2 - called.sum(axis=0), minlength=3))
    return np.array(found)


@pytest.mark.parametrize(("sensitivity", "specificity"), [(0.9, 0.98), (0.75, 0.95), (1.0, 1.0)])
def test_the_intervals_hold_the_rates_that_readers_were_made_with(sensitivity, specificity):
    rng = np.random.default_rng(0)
    estimates = []
    for _ in range(20):
        found = reader_accuracy(pairs_of(rng, sensitivity, specificity), 0.05)
        low, high = found.sensitivity_range
        assert low <= sensitivity <= high
        low, high = found.specificity_range
        assert low <= specificity <= high
        estimates.append((found.sensitivity, found.specificity))
    assert np.mean(estimates, axis=0) == pytest.approx((sensitivity, specificity), abs=0.05)


def test_few_pairs_say_nothing():
    assert reader_accuracy(np.array([[5, 1, 10]]), 0.05) is None


def test_perfect_readers_leave_the_bound_as_it_is():
    sure = ReaderAccuracy(1, (1, 1), 1, (1, 1), 100, ((1, 1),))
    assert most_truly_wrong(40, 10, 200, 1000, sure, alpha=1 - 1e-12) == 30


def test_the_calls_of_readers_exceed_the_allowance_no_oftener_than_alpha():
    """W labels of 500 are wrong; readers call some of all of them wrong: the bound from those calls holds W."""
    accuracy = ReaderAccuracy(0.8, (0.8, 0.8), 0.97, (0.97, 0.97), 100, ((0.8, 0.97),))
    for num_wrong in (0, 20, 200):
        bounds = np.array([most_truly_wrong(called, 0, 0, 500, accuracy, alpha=0.1) for called in range(501)])
        of_wrong, of_right = binom.pmf(range(501), num_wrong, 0.8), binom.pmf(range(501), 500 - num_wrong, 0.03)
        called = np.convolve(of_wrong, of_right)[:501]
        assert called[bounds < num_wrong].sum() <= 0.1


def test_labels_mended_by_mistake_are_wrong_now():
    exact = ReaderAccuracy(1, (1, 1), 1, (1, 1), 100, ((1, 1),))
    unsure = ReaderAccuracy(1, (1, 1), 0.99, (0.99, 1), 100, ((1, 0.99), (1, 1)))
    assert most_truly_wrong(40, 10, 200, 1000, unsure, alpha=0.1) > most_truly_wrong(
        40, 10, 200, 1000, exact, alpha=0.1
    )
