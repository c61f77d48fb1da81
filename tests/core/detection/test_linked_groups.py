import numpy as np
import pytest

from overread.detection.linked_groups import ALONE, linked_groups


def loop_groups(links):
    """By joining groups one pair of samples at a time."""
    groups = list(range(len(links[0])))
    for link in links:
        for one in range(len(link)):
            for other in range(one):
                if link[one] == link[other] != ALONE:
                    groups = [groups[one] if group == groups[other] else group for group in groups]
    return groups


@pytest.mark.parametrize("seed", range(20))
def test_samples_are_together_if_any_chain_of_links_connects_them(seed):
    rng = np.random.default_rng(seed)
    links = [rng.integers(ALONE, 12, 25) for _ in range(rng.integers(1, 4))]
    found, expected = linked_groups(links), np.array(loop_groups(links))
    np.testing.assert_array_equal(found[:, None] == found, expected[:, None] == expected)
    assert sorted(set(found.tolist())) == list(range(len(set(expected.tolist()))))


def test_without_any_link_every_sample_is_on_its_own():
    assert sorted(linked_groups([np.full(5, ALONE)]).tolist()) == [0, 1, 2, 3, 4]
