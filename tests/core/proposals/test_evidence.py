import numpy as np

from overread.detection_settings import DetectionSettings
from overread.proposal_settings import ProposalSettings
from overread.proposals.evidence import evidence

SETTINGS = DetectionSettings(proposals=ProposalSettings(num_shown=4))


def test_neighbours_are_the_most_similar_of_other_groups_and_fewer_where_there_are_fewer():
    rng = np.random.default_rng(0)
    embeddings, groups = rng.normal(size=(80, 8)), rng.integers(0, 20, 80)
    found = evidence(embeddings, groups, np.full(80, -1), SETTINGS)["neighbours"]
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    for index in range(80):
        others = sorted(
            (other for other in range(80) if groups[other] != groups[index]), key=lambda o: -unit[o] @ unit[index]
        )
        assert found[index].tolist() == others[:4]
    few = evidence(np.eye(3), np.array([0, 0, 1]), np.full(3, -1), SETTINGS)["neighbours"]
    assert (few >= 0).sum(axis=1).tolist() == [1, 1, 2]
    assert few[:2, 0].tolist() == [2, 2]


def test_duplicate_groups_are_kept_and_the_farthest_sample_is_the_most_isolated():
    rng = np.random.default_rng(1)
    embeddings = rng.normal(size=(50, 8)) + 5
    embeddings[7] *= -1
    found = evidence(embeddings, np.arange(50), np.arange(50) // 2, SETTINGS)
    assert found["pictures"].tolist() == (np.arange(50) // 2).tolist()
    assert found["isolation"].argmax() == 7
