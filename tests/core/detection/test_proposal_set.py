import numpy as np
import pytest

from overread.detection.proposal_set import proposal_set


def best_set(probability, min_precision):
    """By trying every set of the highest probabilities that splits no equals."""
    best, best_f1 = set(), 0.0
    for lowest in sorted(set(probability) - {0.0}):
        chosen = {i for i, p in enumerate(probability) if p >= lowest}
        found = sum(probability[i] for i in chosen)
        f1 = 2 * found / (len(chosen) + sum(probability))
        if found / len(chosen) >= min_precision and f1 > best_f1:
            best, best_f1 = chosen, f1
    return best


@pytest.mark.parametrize("min_precision", [0.317, 0.517, 0.817, 0.957])
@pytest.mark.parametrize("seed", range(10))
def test_it_is_the_set_of_highest_expected_f1_that_keeps_the_precision(min_precision, seed):
    rng = np.random.default_rng(seed)
    probability = rng.beta(0.3, 1, 40).round(1 if seed % 2 else 6)
    found = proposal_set(probability, min_precision=min_precision)
    assert set(np.flatnonzero(found)) == best_set(probability.tolist(), min_precision)
    assert not found.any() or probability[found].mean() >= min_precision


def test_none_is_proposed_where_none_keeps_the_precision():
    assert not proposal_set(np.array([0.79, 0.5, 0.1]), min_precision=0.8).any()


def test_what_is_surely_right_is_not_proposed_whatever_the_precision():
    assert proposal_set(np.array([0.9, 0.0, 0.0]), min_precision=0.1).tolist() == [True, False, False]
    assert not proposal_set(np.zeros(3), min_precision=0.1).any()


def test_equals_are_proposed_together_or_not_at_all():
    assert proposal_set(np.array([0.6, 1.0, 0.6, 0.1]), min_precision=0.7).tolist() == [True, True, True, False]
    assert proposal_set(np.array([0.6, 1.0, 0.6, 0.1]), min_precision=0.8).tolist() == [False, True, False, False]


def test_of_no_samples_none_is_proposed():
    assert proposal_set(np.zeros(0), min_precision=0.8).shape == (0,)
