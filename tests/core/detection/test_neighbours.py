import logging
import sys

import numpy as np
import pytest

from overread.detection import neighbours
from overread.detection.neighbours import neighbour_vote, smoothed
from overread.detection_settings import NeighbourSettings
from overread.errors import ConfigError

EXACT = NeighbourSettings()
BY_FAISS = NeighbourSettings(faiss_from=0)


def nearest_neighbours(embeddings, groups, num, settings=EXACT, *, rows=None):
    return neighbours.nearest_neighbours(embeddings, groups, num, settings, rows=rows)


def loop_nearest(embeddings, groups, num):
    """By comparing every two samples in double precision."""
    indices, similarities = [], []
    for mine, group in zip(embeddings.astype(np.float64), groups, strict=True):
        found = []
        for index, (other, other_group) in enumerate(zip(embeddings.astype(np.float64), groups, strict=True)):
            if other_group != group:
                norm = np.linalg.norm(mine) * np.linalg.norm(other)
                found.append((-(mine @ other) / norm if norm else 0.0, index))
        found = sorted(found)[:num]
        indices.append([index for _, index in found] + [-1] * (num - len(found)))
        similarities.append([-negative for negative, _ in found] + [0.0] * (num - len(found)))
    return np.array(indices), np.array(similarities)


def made_embeddings(num_samples=150, size=8, num_groups=40, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(num_samples, size)).astype(dtype), rng.integers(0, num_groups, num_samples)


@pytest.fixture(params=["blocks", "faiss"])
def way(request):
    """The settings of either way to search, whatever the number of samples."""
    if request.param == "blocks":
        return EXACT
    pytest.importorskip("faiss")
    return BY_FAISS


def recall(found, expected):
    return np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found.tolist(), expected.tolist(), strict=True)])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("num", [1, 10])
def test_neighbours_are_those_that_a_search_of_all_finds(num, dtype, monkeypatch):
    embeddings, groups = made_embeddings(dtype=dtype)
    monkeypatch.setattr(neighbours, "_BLOCK_CELLS", 7 * 150)  # blocks of seven, and a shorter last one
    indices, similarities = nearest_neighbours(embeddings, groups, num)
    expected, expected_similarities = loop_nearest(embeddings, groups, num)
    np.testing.assert_array_equal(indices, expected)
    np.testing.assert_allclose(similarities, expected_similarities, atol=1e-5)
    assert (indices.dtype, similarities.dtype) == (np.int64, np.float32)


def test_faiss_finds_the_same_neighbours_as_blocks():
    pytest.importorskip("faiss")
    embeddings, groups = made_embeddings(num_samples=2000, size=16, num_groups=500)
    by_blocks = nearest_neighbours(embeddings, groups, 10)
    by_faiss = nearest_neighbours(embeddings, groups, 10, BY_FAISS)
    assert recall(by_faiss[0], by_blocks[0]) == 1
    np.testing.assert_allclose(by_blocks[1], by_faiss[1], atol=1e-5)


def test_the_nearest_cells_hold_nearly_all_neighbours():
    pytest.importorskip("faiss")
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(60, 16))
    embeddings = centres[rng.integers(0, 60, 9000)] + 0.3 * rng.normal(size=(9000, 16))
    groups = rng.integers(0, 3000, 9000)
    rows = np.arange(0, 9000, 10)
    exact, _ = nearest_neighbours(embeddings, groups, 10, rows=rows)
    by_cells = NeighbourSettings(faiss_from=0, approximate_from=5000)
    found, similarities = nearest_neighbours(embeddings, groups, 10, by_cells, rows=rows)
    again, _ = nearest_neighbours(embeddings, groups, 10, by_cells, rows=rows)
    assert recall(found, exact) > 0.95
    assert (groups[found] != groups[rows, None]).all()
    assert (np.diff(similarities, axis=1) <= 0).all()
    np.testing.assert_array_equal(found, again)


def test_some_rows_have_the_neighbours_that_they_have_among_all(way):
    embeddings, groups = made_embeddings(size=3)
    indices, similarities = nearest_neighbours(embeddings, groups, 5, way)
    rows = np.array([149, 3, 77])
    some = nearest_neighbours(embeddings, groups, 5, way, rows=rows)
    np.testing.assert_array_equal(some[0], indices[rows])
    np.testing.assert_allclose(some[1], similarities[rows], atol=1e-6)


def test_a_group_that_crowds_the_others_out_is_searched_past(way):
    """Three hundred images of one patient, alike; those of the others lie far away."""
    rng = np.random.default_rng(0)
    alike = np.array([1.0, 0.0, 0.0]) + 0.01 * rng.normal(size=(300, 3))
    embeddings = np.concatenate([alike, rng.normal(size=(30, 3))])
    groups = np.concatenate([np.zeros(300, dtype=int), np.arange(1, 31)])
    indices, _ = nearest_neighbours(embeddings, groups, 4, way)
    expected, _ = loop_nearest(embeddings, groups, 4)
    np.testing.assert_array_equal(indices, expected)
    assert (indices[:300] >= 300).all()


def test_fewer_others_than_asked_for_are_filled_up_with_nobody(way):
    embeddings, groups = made_embeddings(num_samples=6, num_groups=1)
    groups[4:] = 1, 2
    indices, similarities = nearest_neighbours(embeddings, groups, 20, way)
    assert sorted(indices[0, :2].tolist()) == [4, 5]
    assert ((indices[:4, 2:] == -1) & (similarities[:4, 2:] == 0)).all()
    assert (indices >= 0).sum(axis=1).tolist() == [2, 2, 2, 2, 5, 5]
    alone, _ = nearest_neighbours(embeddings, np.zeros(6, dtype=int), 3, way)
    assert (alone == -1).all()


def test_without_faiss_blocks_find_the_same_and_the_log_says_so(monkeypatch, caplog):
    embeddings, groups = made_embeddings()
    before, _ = nearest_neighbours(embeddings, groups, 5)
    monkeypatch.setitem(sys.modules, "faiss", None)
    with caplog.at_level(logging.WARNING):
        without, _ = nearest_neighbours(embeddings, groups, 5, NeighbourSettings(faiss_from=100))
    np.testing.assert_array_equal(before, without)
    assert "faiss is not installed: 150 samples" in caplog.text


def test_copies_and_zeros_stay_within_the_range():
    embeddings = np.full((50, 512), 0.1, dtype=np.float16)
    embeddings[0] = 0
    _, similarities = nearest_neighbours(embeddings, np.arange(50), 5)
    assert (similarities[0] == 0).all()
    assert (similarities <= 1).all()


def test_no_neighbours_are_refused():
    with pytest.raises(ConfigError, match="neighbours: found 0, must be at least 1"):
        nearest_neighbours(*made_embeddings(), 0)


@pytest.mark.slow
def test_faiss_finds_every_neighbour_of_as_many_samples_as_it_compares_one_by_one():
    pytest.importorskip("faiss")
    num_samples = EXACT.approximate_from
    embeddings, groups = made_embeddings(num_samples=num_samples, size=64, num_groups=8000)
    indices, _ = nearest_neighbours(embeddings, groups, 10)
    rows = np.arange(0, num_samples, 10)
    by_blocks, _ = nearest_neighbours(embeddings, groups, 10, rows=rows)
    assert recall(indices[rows], by_blocks) == 1


@pytest.mark.slow
def test_of_more_samples_than_that_nearly_all_neighbours_are_found_where_samples_lie_in_clusters_as_images_do():
    pytest.importorskip("faiss")
    rng = np.random.default_rng(0)
    num_samples = EXACT.approximate_from + 5_000
    centres = rng.normal(size=(100, 64))
    embeddings = centres[rng.integers(0, 100, num_samples)] + rng.normal(size=(num_samples, 64))
    groups = rng.integers(0, 8000, num_samples)
    indices, _ = nearest_neighbours(embeddings, groups, 10)
    rows = np.arange(0, num_samples, 10)
    by_blocks, _ = nearest_neighbours(embeddings, groups, 10, rows=rows)
    assert recall(indices[rows], by_blocks) >= 0.98


def vote_case(num_samples=80, num_classes=3, num=6, seed=0):
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
    given, _, indices, similarities = vote_case()
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
    given, _, indices, similarities = vote_case()
    before = neighbour_vote(given, indices, similarities, num_classes=3)
    other = given.copy()
    other[11] = (given[11] + 1) % 3
    after = neighbour_vote(other, indices, similarities, num_classes=3)
    np.testing.assert_array_equal(before[11], after[11])
    assert (before != after).any()


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_smoothing_is_that_of_plain_loops(weight):
    _, probs, indices, similarities = vote_case()
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
