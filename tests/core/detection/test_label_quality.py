import numpy as np
import pytest
from scipy.stats import entropy

from overread.detection.label_quality import (
    conflict_score,
    margin_score,
    normalised_entropy,
    self_confidence_score,
    weighted_entropy_score,
)


def test_the_score_is_what_the_given_label_leaves():
    probs = np.array([[0.2, 0.8], [0.9, 0.1], [0.0, 1.0]])
    np.testing.assert_allclose(self_confidence_score(probs, np.array([0, 0, 1])), [0.8, 0.1, 0.0])


@pytest.mark.parametrize("num_classes", [2, 5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_margin_is_that_of_plain_loops(num_classes, dtype):
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.full(num_classes, 0.4), 100).astype(dtype)
    given = rng.integers(0, num_classes, 100)
    kept = probs.copy()
    scores = margin_score(probs, given)
    for row, label, score in zip(probs.tolist(), given, scores, strict=True):
        other = max(p for k, p in enumerate(row) if k != label)
        assert score == pytest.approx((1 - row[label] + other) / 2, abs=1e-6)
        assert (score > 0.5) == (other > row[label])
    assert scores.dtype == np.float32
    np.testing.assert_array_equal(probs, kept)


def made_probs(num_classes, seed=0):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(num_classes, 0.3), 200)
    probs[:num_classes] = np.eye(num_classes)
    return probs, rng.integers(0, num_classes, 200)


@pytest.mark.parametrize("num_classes", [2, 3, 10])
def test_the_entropy_is_scipy_s_over_that_of_equal_probabilities(num_classes):
    probs, _ = made_probs(num_classes)
    np.testing.assert_allclose(normalised_entropy(probs), entropy(probs, axis=1, base=num_classes), atol=1e-6)
    assert normalised_entropy(np.full((1, num_classes), 1 / num_classes))[0] == pytest.approx(1)


@pytest.mark.parametrize("num_classes", [2, 3, 10])
def test_the_score_follows_from_the_entropy_as_in_plain_loops(num_classes):
    probs, given = made_probs(num_classes)
    for row, label, score in zip(probs, given, weighted_entropy_score(probs, given), strict=True):
        if row[label] > 0:
            ratio = max(entropy(row, base=num_classes) / row[label], 1e-9)
            assert score == pytest.approx(1 - np.log(1 + ratio) / ratio, abs=1e-5)
        assert 0 <= score < 1


def test_certainty_is_the_end_of_the_scale_on_either_side():
    probs = np.array([[0.0, 1.0], [1e-6, 1 - 1e-6], [0.5, 0.5], [1 - 1e-6, 1e-6], [1.0, 0.0]], dtype=np.float32)
    scores = weighted_entropy_score(probs, np.zeros(5, dtype=int))
    assert (np.diff(scores) < 0).all()
    assert scores[0] > 0.85 > 1e-6 > scores[-1]


def test_a_sure_model_counts_for_the_label_it_confirms_and_against_the_one_it_denies():
    probs = np.array([[0.98, 0.02], [0.6, 0.4], [0.4, 0.6], [0.02, 0.98]])
    scores = weighted_entropy_score(probs, np.zeros(4, dtype=int))
    assert (np.diff(scores) > 0).all()


def test_the_score_is_the_share_of_a_group_s_labels_that_differ():
    given = np.array([0, 1, 1, 1, 2, 2, 0])
    groups = np.array([5, 5, 5, 5, 1, 1, -1])
    assert conflict_score(given, groups).tolist() == [0.75, 0.25, 0.25, 0.25, 0, 0, 0]
    assert conflict_score(given, np.full(7, -1)).tolist() == [0] * 7
