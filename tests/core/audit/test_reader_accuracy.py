"""What two readings tell of readers, against simulated readers and scipy's binomial."""

import numpy as np
import pytest
from scipy.stats import binom, hypergeom

from overread.audit.reader_accuracy import ReaderAccuracy, most_truly_wrong, reader_accuracy


def pairs_of(rng, sensitivity, specificity, num=150):
    found = []
    for prevalence in (0.6, 0.02):
        is_wrong = rng.random(num) < prevalence
        called = rng.random((2, num)) < np.where(is_wrong, sensitivity, 1 - specificity)
        found.append(np.bincount(2 - called.sum(axis=0), minlength=3))
    return np.array(found)


def accuracy_of(pairs, size=500):
    return reader_accuracy(pairs, pairs, np.full(len(pairs), size), 0.05)


def known_rates(sensitivity, specificity, most_disagreements=1000):
    of_wrong, of_right = (sensitivity, sensitivity), (specificity, specificity)
    rates = ((sensitivity, specificity),)
    return ReaderAccuracy(sensitivity, of_wrong, specificity, of_right, 100, rates, most_disagreements)


@pytest.mark.parametrize(("sensitivity", "specificity"), [(0.9, 0.98), (0.75, 0.95), (1.0, 1.0)])
def test_the_intervals_hold_the_rates_that_readers_were_made_with(sensitivity, specificity):
    rng = np.random.default_rng(0)
    estimates = []
    for _ in range(20):
        found = accuracy_of(pairs_of(rng, sensitivity, specificity))
        low, high = found.sensitivity_range
        assert low <= sensitivity <= high
        low, high = found.specificity_range
        assert low <= specificity <= high
        estimates.append((found.sensitivity, found.specificity))
    assert np.mean(estimates, axis=0) == pytest.approx((sensitivity, specificity), abs=0.05)


def test_few_pairs_say_nothing():
    assert accuracy_of(np.array([[5, 1, 10]])) is None


def test_disagreements_are_bounded_by_those_seen_in_the_order_of_the_draw():
    """200 of 500 labels in order, 10 of which readers differ on: as scipy's exact bound, and some more for looking
    after every verdict; labels read out of order say nothing of the others."""
    in_order = np.array([[20, 10, 170]])
    exact = max(number for number in range(501) if hypergeom.cdf(10, 500, number, 200) > 0.025)
    assert exact <= accuracy_of(in_order).most_disagreements <= 1.5 * exact
    chosen = reader_accuracy(in_order, np.zeros((1, 3), dtype=np.int64), np.array([500]), 0.05)
    assert chosen.most_disagreements == 500


def test_perfect_readers_leave_the_bound_as_it_is():
    assert most_truly_wrong(40, 10, 200, 1000, known_rates(1, 1), alpha=1 - 1e-12) == 30


def test_the_calls_of_readers_exceed_the_allowance_no_oftener_than_alpha():
    """W labels of 500 are wrong; readers call some of all of them wrong: the bound from those calls holds W."""
    accuracy = known_rates(0.8, 0.97)
    for num_wrong in (0, 20, 200):
        bounds = np.array([most_truly_wrong(called, 0, 0, 500, accuracy, alpha=0.1) for called in range(501)])
        of_wrong, of_right = binom.pmf(range(501), num_wrong, 0.8), binom.pmf(range(501), 500 - num_wrong, 0.03)
        called = np.convolve(of_wrong, of_right)[:501]
        assert called[bounds < num_wrong].sum() <= 0.1


def test_readers_who_seldom_differ_have_missed_few():
    """At 60 % sensitivity two readers differ on 48 % of the wrong labels: where they differ on 20 labels at most, 200
    cannot be wrong, however many calls there are."""
    bound = most_truly_wrong(300, 0, 0, 500, known_rates(0.6, 1.0, most_disagreements=20), alpha=0.05)
    assert binom.cdf(20, bound + 1, 0.48) < 0.05 / 3
    assert 40 < bound < 100


def test_labels_mended_by_mistake_are_wrong_now():
    exact, unsure = known_rates(1, 1), known_rates(1, 0.99)
    assert most_truly_wrong(40, 10, 200, 1000, unsure, alpha=0.1) > most_truly_wrong(
        40, 10, 200, 1000, exact, alpha=0.1
    )


def test_mistakes_are_bounded_after_every_verdict_at_once():
    """2 % of right labels are called wrong, in 400 sequences of 300: the bounds of all moments hold together in 90 %
    of them. A bound for one moment, at the same confidence, does not."""
    alpha, num_read = 0.1, 300
    mistakes = (np.random.default_rng(0).random((400, num_read)) < 0.02).cumsum(axis=1)
    numbers = range(1, num_read + 1)
    # Nothing else is wrong, and all that is called wrong is mended: what is still wrong are the mistakes.
    at_all = [most_truly_wrong(0, each, each, each, known_rates(1, 0.98), alpha=3 * alpha) for each in numbers]
    at_one = binom.ppf(1 - alpha, numbers, 0.02)
    assert (mistakes <= np.array(at_all)).all(axis=1).mean() >= 1 - alpha
    assert (mistakes <= at_one).all(axis=1).mean() < 1 - alpha
