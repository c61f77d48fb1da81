import numpy as np
import pytest

from overread.detection.nearest import nearest_neighbours
from overread.detection.neighbour_vote import neighbour_vote, smoothed


def made_case(num_samples=80, num_classes=3, num=6, seed=0):
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(size=(num_samples, 4))
    indices, similarities = nearest_neighbours(embeddings, rng.integers(0, 25, num_samples), num)
    indices[5], similarities[5] = -1, 0
    indices[6, 2:], similarities[6, 2:] = -1, 0
    similarities[7] = -0.5
    return (
        rng.integers(0, num_classes, num_samples),
        rng.dirichlet(np.ones(num_classes), num_samples),
        indices,
        similarities,
    )


def test_the_vote_is_that_of_plain_loops():
    given, _, indices, similarities = made_case()
    is_trained = np.arange(80) < 60
    for trained in (None, is_trained):
        probs = neighbour_vote(given, indices, similarities, num_classes=3, is_trained=trained)
        for i in range(80):
            votes = [0.0] * 3
            for j, similarity in zip(indices[i], similarities[i], strict=True):
                if j >= 0 and similarity > 0 and (trained is None or trained[j]):
                    votes[given[j]] += similarity
            expected = [v / sum(votes) for v in votes] if sum(votes) else [1 / 3] * 3
            np.testing.assert_allclose(probs[i], expected, atol=1e-6)
    assert probs.dtype == np.float32


def test_a_sample_s_own_label_has_no_vote_on_it():
    given, _, indices, similarities = made_case()
    before = neighbour_vote(given, indices, similarities, num_classes=3)
    other = given.copy()
    other[11] = (given[11] + 1) % 3
    after = neighbour_vote(other, indices, similarities, num_classes=3)
    np.testing.assert_array_equal(before[11], after[11])
    assert (before != after).any()


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_smoothing_is_that_of_plain_loops(weight):
    _, probs, indices, similarities = made_case()
    result = smoothed(probs, indices, similarities, weight)
    for i in range(80):
        pairs = [(j, s) for j, s in zip(indices[i], similarities[i], strict=True) if j >= 0 and s > 0]
        expected = probs[i]
        if pairs:
            mean = sum(s * probs[j] for j, s in pairs) / sum(s for _, s in pairs)
            expected = (1 - weight) * probs[i] + weight * mean
        np.testing.assert_allclose(result[i], expected, atol=1e-6)
    np.testing.assert_allclose(result.sum(axis=1), 1, atol=1e-5)
    assert result.dtype == np.float32
