import numpy as np
import pytest

from core.proposals.evidence import neighbours


def loop_neighbours(embeddings, index, groups, num):
    found = []
    for other, vector in enumerate(embeddings.astype(np.float64)):
        if groups[other] != groups[index]:
            mine = embeddings[index].astype(np.float64)
            found.append((float(vector @ mine / np.linalg.norm(vector) / np.linalg.norm(mine)), other))
    found.sort(reverse=True)
    return [other for _, other in found[:num]], [similarity for similarity, _ in found[:num]]


@pytest.mark.parametrize("num", [1, 6, 200])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_neighbours_are_those_that_a_search_of_all_finds(num, dtype):
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(80, 8)).astype(dtype)
    groups = rng.integers(0, 20, 80)
    for index in (0, 17, 79):
        found, similarities = neighbours(embeddings, index, groups, num=num)
        expected, expected_similarities = loop_neighbours(embeddings, index, groups, num)
        assert found.tolist() == expected
        np.testing.assert_allclose(similarities, expected_similarities, atol=1e-5)
        assert groups[index] not in groups[found]


def test_a_sample_s_own_copies_are_left_out_where_they_are_its_patient_s():
    embeddings = np.array([[1.0, 0.0], [1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    found, similarities = neighbours(embeddings, 0, np.array([5, 5, 6, 7]))
    assert found.tolist() == [2, 3]
    assert similarities[1] == pytest.approx(0)


def test_there_may_be_no_other_group():
    found, similarities = neighbours(np.eye(3), 1, np.zeros(3, dtype=int))
    assert (len(found), len(similarities)) == (0, 0)


def test_an_embedding_of_zeros_is_similar_to_nothing():
    found, similarities = neighbours(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]), 0, np.arange(3))
    assert sorted(found.tolist()) == [1, 2]
    assert similarities.tolist() == [0, 0]


def test_similarities_never_leave_their_range():
    embeddings = np.full((50, 512), 0.1, dtype=np.float16)
    _, similarities = neighbours(embeddings, 0, np.arange(50))
    assert (similarities <= 1).all()
    np.testing.assert_allclose(similarities, 1, atol=1e-3)
