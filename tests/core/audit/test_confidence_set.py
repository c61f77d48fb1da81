"""The confidence set against every number of wrong labels, one by one, scipy's hypergeometric, and simulation."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import betabinom, hypergeom

from overread.audit.confidence_set import (
    PLANNED_PART,
    ConfidenceSet,
    Counts,
    Predictor,
    log_evidence,
    log_likelihood,
    most_of_sample,
    with_known,
)

ALPHA = 0.2


@pytest.mark.parametrize("seed", range(12))
def test_bounds_are_those_of_every_number_that_the_evidence_allows(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 8, size=rng.integers(1, 4))
    wrong = rng.integers(0, sizes + 1)
    num_read = rng.integers(0, sizes + 1)
    found = rng.hypergeometric(wrong, sizes - wrong, num_read)
    predictor = Predictor.of(rng.uniform(0.1, 0.9, len(sizes)), rng.random(len(sizes)) if seed % 2 else None)
    unread_wrong, unread_right = wrong - found, sizes - wrong - num_read + found
    counts = with_known(
        Counts.of(sizes, num_read, found),
        found + rng.integers(0, unread_wrong + 1),
        num_read - found + rng.integers(0, unread_right + 1),
    )
    every = np.array(
        list(product(*(range(low, high + 1) for low, high in zip(counts.least, counts.most, strict=True))))
    )
    allowed = every[log_evidence(sizes, every, num_read, found, predictor) < np.log(1 / ALPHA)]
    assert len(allowed)
    chosen = ConfidenceSet(counts, predictor, ALPHA)
    for is_asked in (None, np.arange(len(sizes)) == 0):
        totals = allowed[:, slice(None) if is_asked is None else is_asked].sum(axis=1)
        assert (chosen.least(is_asked), chosen.most(is_asked)) == (totals.min(), totals.max())


def test_the_likelihood_of_verdicts_in_one_order_is_the_hypergeometric_over_the_orders_there_are():
    wrong = np.arange(21)[:, None]
    ours = np.exp(log_likelihood(np.array([20]), wrong, np.array([7]), np.array([2])))[:, 0]
    assert ours == pytest.approx(hypergeom.pmf(2, 20, wrong[:, 0], 7) / 21, abs=1e-12)


def test_a_predictor_is_a_mixture_of_beta_binomials():
    predictor = Predictor.of(np.array([0.01, 0.3]), np.array([0.02, 0.6]))
    expected = 0.0
    for weight, wrong, right in zip(np.exp(predictor.log_weights), predictor.wrong, predictor.right, strict=True):
        expected += weight * np.prod(
            [betabinom.pmf(x, n, a, b) for x, n, a, b in zip((1, 2), (4, 3), wrong, right, strict=True)]
        )
    ours = predictor.log_prob(np.array([4, 3]), np.array([1, 2]))
    assert float(np.exp(ours)) * 4 * 3 == pytest.approx(expected)
    assert np.exp(predictor.log_weights).sum() == pytest.approx(1)


def test_after_the_last_verdict_the_set_is_the_truth():
    counts = Counts.of([30, 12], [30, 12], [4, 0])
    chosen = ConfidenceSet(counts, Predictor.of(np.array([0.01, 0.01])), 0.05)
    assert (chosen.least(), chosen.most()) == (4, 4)


@pytest.mark.parametrize("belief", [None, [0.001, 0.9], [0.2, 0.01]])
def test_looking_after_every_verdict_rejects_the_truth_no_oftener_than_alpha(belief):
    """Whatever the predictor believes; 1,000 studies."""
    rng = np.random.default_rng(1)
    sizes, wrong, num_studies = np.array([40, 15]), np.array([3, 8]), 1000
    predictor = Predictor.of(np.array([0.02, 0.02]), None if belief is None else np.array(belief))
    strata = np.tile(np.repeat([0, 1], sizes), (num_studies, 1))
    labels = np.concatenate([np.arange(size) < each for size, each in zip(sizes, wrong, strict=True)])
    order = rng.permuted(np.tile(np.arange(55), (num_studies, 1)), axis=1)
    at = np.take_along_axis(strata, order, axis=1)[..., None] == np.arange(2)
    num_read = at.cumsum(axis=1)
    found = (at & labels[order][..., None]).cumsum(axis=1)
    is_rejected = log_evidence(sizes, wrong, num_read, found, predictor) >= np.log(1 / ALPHA)
    share = is_rejected.any(axis=1).mean()
    assert share <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / num_studies)
    assert share > 0  # or the test could not fail


def test_counts_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match="contradict"):
        Counts.of([10], [4], [5])
    with pytest.raises(ValueError, match="contradict"):
        with_known(Counts.of([10], [4], [2]), np.array([1]), np.array([2]))


@pytest.mark.parametrize(("num_read", "num_found"), [(20, 0), (20, 3), (60, 60), (0, 0), (100, 7)])
def test_the_exact_bound_is_the_largest_number_that_scipy_does_not_reject(num_read, num_found):
    allowed = [n for n in range(101) if hypergeom.cdf(num_found, 100, n, num_read) > 0.05]
    possible = [n for n in allowed if num_found <= n <= 100 - num_read + num_found]
    assert most_of_sample(100, num_read, num_found, 0.05) == max(possible)


@pytest.mark.parametrize("seed", range(6))
def test_a_planned_sample_rules_out_what_scipy_rejects_and_the_evidence_the_rest(seed):
    rng = np.random.default_rng(seed)
    size, num_read, num_planned = 40, int(rng.integers(0, 30)), 15
    found = int(rng.binomial(num_read, 0.1))
    planned_most = max(num_planned - num_read, 0) + min(found, int(rng.integers(0, found + 1)))
    predictor = Predictor.of(np.array([0.05]), np.array([0.1]) if seed % 2 else None)
    counts = Counts.of([size], [num_read], [found]).planned([num_planned], [planned_most])
    every = np.arange(found, size - num_read + found + 1)[:, None]
    evidence = log_evidence(np.array([size]), every, np.array([num_read]), np.array([found]), predictor)
    by_all = every[evidence < np.log(1 / ((1 - PLANNED_PART) * ALPHA)), 0]
    by_plan = [n for n in range(size + 1) if hypergeom.cdf(planned_most, size, n, num_planned) > PLANNED_PART * ALPHA]
    chosen = ConfidenceSet(counts, predictor, ALPHA)
    assert (chosen.least(), chosen.most()) == (by_all.min(), min(by_all.max(), max(by_plan)))


def test_with_a_planned_sample_too_the_truth_is_rejected_no_oftener_than_alpha():
    """After every verdict, the planned labels that are unread counting as wrong; 2,000 studies."""
    rng = np.random.default_rng(1)
    size, num_wrong, num_planned, num_studies = 60, 9, 25, 2000
    is_wrong = rng.permuted(np.tile(np.arange(size) < num_wrong, (num_studies, 1)), axis=1)
    num_read, num_found = np.arange(1, size + 1)[None, :, None], is_wrong.cumsum(axis=1)[..., None]
    predictor = Predictor.of(np.array([0.3]), np.array([0.02]))
    evidence = log_evidence(np.array([size]), np.array([num_wrong]), num_read, num_found, predictor)
    is_rejected = (evidence >= np.log(1 / ((1 - PLANNED_PART) * ALPHA))).any(axis=1)
    # The bound of a planned sample only falls while it is read.
    bounds = np.array([most_of_sample(size, num_planned, found, PLANNED_PART * ALPHA) for found in range(10)])
    by_plan = bounds[is_wrong[:, :num_planned].sum(axis=1)] < num_wrong
    share = (is_rejected | by_plan).mean()
    assert share <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / num_studies)
    assert by_plan.any() and is_rejected.any()  # or the test could not fail
