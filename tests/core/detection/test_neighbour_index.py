import numpy as np
import pytest

from overread.detection.neighbours import nearest_neighbours
from overread.detection_settings import NeighbourSettings

pytest.importorskip("faiss")
from overread.detection.neighbour_index import NeighbourIndex

NUM = 10


def clustered(num_samples, width, seed=0):
    """Unit vectors around 40 centres in few directions, as embeddings of images are."""
    rng = np.random.default_rng(seed)
    basis = rng.normal(size=(24, width))
    centres = rng.normal(size=(40, 24))
    vectors = (centres[rng.integers(0, 40, num_samples)] + 0.5 * rng.normal(size=(num_samples, 24))) @ basis
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(("width", "kind"), [(32, np.float32), (700, np.float16)])
def test_the_index_finds_what_comparing_all_with_all_finds(width, kind):
    vectors = clustered(3_000, width).astype(kind)
    indices, products = NeighbourIndex(vectors).search(np.arange(3_000), NUM)
    likeness = vectors.astype(np.float64) @ vectors.astype(np.float64).T
    expected = np.argsort(-likeness, axis=1)[:, :NUM]
    found = np.mean([len(set(a) & set(b)) / NUM for a, b in zip(indices.tolist(), expected.tolist(), strict=True)])
    assert found >= 0.98
    np.testing.assert_allclose(products, np.take_along_axis(likeness, indices, axis=1), atol=2e-3)
    assert (np.diff(products, axis=1) <= 0).all()


def test_the_same_vectors_give_the_same_answers():
    vectors = clustered(1_500, 48)
    first, second = (NeighbourIndex(vectors).search(np.arange(1_500), NUM) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_of_fewer_vectors_than_are_asked_for_all_are_found():
    indices, _ = NeighbourIndex(clustered(6, 16)).search(np.arange(6), NUM)
    assert [sorted(row) for row in indices.tolist()] == [list(range(6))] * 6


def test_neighbours_of_large_studies_come_from_other_groups_even_where_a_group_is_large():
    vectors = clustered(1_200, 32)
    groups = np.arange(1_200)
    groups[:150] = 0  # more of one patient than the index is first asked for
    vectors[:150] = vectors[0] + 0.001 * vectors[:150]
    settings = NeighbourSettings(faiss_from=0, approximate_from=0)
    indices, similarities = nearest_neighbours(vectors, groups, 5, settings)
    assert (groups[indices] != groups[:, None]).all()
    exact, expected = nearest_neighbours(vectors, groups, 5, NeighbourSettings(faiss_from=10**9))
    assert np.mean([len(set(a) & set(b)) / 5 for a, b in zip(indices.tolist(), exact.tolist(), strict=True)]) >= 0.98
    np.testing.assert_allclose(similarities, expected, atol=0.02)
