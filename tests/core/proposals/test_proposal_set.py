import numpy as np
import pytest

from core.proposals.proposal_set import expectation, proposal_set, trade_off


def cuts(probability):
    """Every set that a cut-off can choose, from the fewest to all: by loops."""
    return [[p for p in probability if p >= cut] for cut in sorted(set(probability), reverse=True)]


@pytest.mark.parametrize("seed", range(5))
def test_the_trade_off_is_what_every_cut_off_comes_to(seed):
    probability = np.random.default_rng(seed).uniform(0, 1, 60).round(1 if seed % 2 else 6)
    curve = trade_off(probability)
    expected = [
        (min(chosen), len(chosen), sum(chosen) / len(chosen), sum(chosen) / probability.sum())
        for chosen in cuts(probability)
    ]
    found = np.stack([curve.min_probability, curve.num_samples, curve.precision, curve.recall], axis=1)
    np.testing.assert_allclose(found, expected)


def test_what_a_trade_off_expects_comes_true():
    rng = np.random.default_rng(0)
    probability = rng.beta(0.4, 2, 200)
    is_error = rng.random((4000, 200)) < probability  # as many worlds in which the probabilities hold
    curve = trade_off(probability)
    for place in (10, 60, 150):
        is_read = probability >= curve.min_probability[place]
        np.testing.assert_allclose(is_error[:, is_read].mean(), curve.precision[place], atol=0.01)
        np.testing.assert_allclose(is_error[:, is_read].sum() / is_error.sum(), curve.recall[place], atol=0.01)


def test_the_expectation_of_a_cut_off_s_samples_is_its_point_on_the_curve():
    probability = np.random.default_rng(1).uniform(0, 1, 40)
    curve = trade_off(probability)
    for place, cut in enumerate(curve.min_probability):
        found = expectation(probability, probability >= cut)
        assert found.num_samples == curve.num_samples[place]
        np.testing.assert_allclose((found.precision, found.recall), (curve.precision[place], curve.recall[place]))
        np.testing.assert_allclose(found.num_errors, found.num_samples * found.precision)


def test_without_samples_or_without_expected_errors_nothing_is_found():
    assert len(trade_off(np.array([])).num_samples) == 0
    assert trade_off(np.zeros(3)).recall.tolist() == [0.0]
    none = expectation(np.array([0.2, 0.4]), np.zeros(2, dtype=bool))
    assert (none.num_samples, none.precision, none.recall) == (0, 0.0, 0.0)
    assert expectation(np.zeros(2), np.ones(2, dtype=bool)).recall == 0.0


@pytest.mark.parametrize("min_precision", [0.5, 0.8, 0.95])
def test_the_proposed_set_is_the_cut_off_of_highest_expected_f1_that_keeps_the_precision(min_precision):
    for seed in range(20):
        probability = np.random.default_rng(seed).beta(0.3, 1, 50).round(2)
        total, best = probability.sum(), (0.0, 0)
        for chosen in cuts(probability[probability > 0]):
            if sum(chosen) / len(chosen) >= min_precision:
                best = max(best, (2 * sum(chosen) / (len(chosen) + total), len(chosen)))
        is_proposed = proposal_set(probability, min_precision=min_precision)
        assert is_proposed.sum() == best[1]
        assert not is_proposed.any() or probability[is_proposed].min() > probability[~is_proposed].max()
