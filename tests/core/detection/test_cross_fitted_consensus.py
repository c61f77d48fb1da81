from fractions import Fraction

import numpy as np
import pytest

from overread.detection.cross_fitted_consensus import CLASSIFIERS, NO_CONSENSUS, STAGES, CrossFittedConsensus
from overread.detection.detection_data import DetectionData
from overread.detection.noise_transition import NoiseModel
from overread.detection_settings import ConsensusSettings
from overread.errors import ConfigError


def made_votes(seed, num_voters=3, num_samples=300, num_classes=3):
    """(V, N, K): voters that mostly agree, from sure to unsure; and given labels."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(1, num_samples, num_classes)) * rng.uniform(0.2, 4, (1, num_samples, 1))
    exponentials = np.exp(base + 0.5 * rng.normal(size=(num_voters, num_samples, num_classes)))
    return exponentials / exponentials.sum(axis=2, keepdims=True), rng.integers(0, num_classes, num_samples)


def consensus(probs, given, min_ratio=2.0, kind=STAGES, inverse_temperature=1.0, duplicate_groups=None):
    data = DetectionData(
        features=np.zeros((len(given), 1)),
        given=np.asarray(given),
        groups=np.arange(len(given)),
        is_trained=np.ones(len(given), dtype=bool),
        num_classes=probs.shape[-1],
        duplicate_groups=duplicate_groups,
    )
    noise = NoiseModel(inverse_temperature, np.eye(probs.shape[-1]))
    return CrossFittedConsensus.of(probs, kind, data, noise, ConsensusSettings(min_ratio))


def loop_consensus(voter_probs, given, min_ratio):
    labels, scores = [], []
    for sample, own in enumerate(given.tolist()):
        sure = []
        for probs in voter_probs[:, sample].tolist():
            best = probs.index(max(probs))
            if all(probs[best] >= min_ratio * p for k, p in enumerate(probs) if k != best):
                sure.append(best)
        shares = {k: Fraction(sure.count(k), len(voter_probs)) for k in range(voter_probs.shape[2])}
        labels.append(next((k for k, share in shares.items() if share == 1), NO_CONSENSUS))
        scores.append((1 + max(share for k, share in shares.items() if k != own) - shares[own]) / 2)
    return labels, [float(score) for score in scores]


@pytest.mark.parametrize(("num_voters", "num_classes"), [(1, 2), (3, 2), (4, 3), (7, 5)])
@pytest.mark.parametrize("min_ratio", [1.1, 2.0, 5.0])
def test_consensus_and_score_are_those_of_plain_loops(num_voters, num_classes, min_ratio):
    probs, given = made_votes(num_voters, num_voters, num_classes=num_classes)
    found = consensus(probs, given, min_ratio, CLASSIFIERS)
    labels, scores = loop_consensus(probs, given, min_ratio)
    assert 0 < labels.count(NO_CONSENSUS) < len(given)  # or the comparison says little
    assert found.labels.tolist() == labels
    np.testing.assert_allclose(found.score, scores, atol=1e-6)
    assert found.voters == f"{num_voters} classifiers"


def test_a_sample_is_proposed_exactly_where_its_score_is_1():
    probs, given = made_votes(0)
    found = consensus(probs, given)
    is_proposed = found.proposed(given) != given
    assert is_proposed.any()
    np.testing.assert_array_equal(is_proposed, found.score == 1)
    np.testing.assert_array_equal(found.score == 0, found.labels == given)


def test_as_likely_as_asked_for_is_sure_and_a_little_less_is_not():
    probs = np.array([[[0.5, 0.25, 0.25], [0.5, 0.26, 0.24]]])
    found = consensus(probs, [0, 0], min_ratio=1.99)
    assert found.labels.tolist() == [0, NO_CONSENSUS]
    assert found.score.tolist() == [0, 0.5]
    assert found.is_sure.tolist() == [[True, False]]


def test_a_voter_that_noisy_labels_keep_from_being_sure_is_sure_at_its_temperature():
    probs = np.array([[[0.6, 0.4], [0.51, 0.49]]])  # to the fourth power: 0.84 and 0.54
    assert consensus(probs, [1, 1], inverse_temperature=1.0).labels.tolist() == [NO_CONSENSUS] * 2
    assert consensus(probs, [1, 1], inverse_temperature=4.0).labels.tolist() == [0, NO_CONSENSUS]


def test_voters_that_know_nothing_reach_none():
    found = consensus(np.full((2, 5, 4), 0.25), np.zeros(5, dtype=np.int64))
    assert set(found.labels.tolist()) == {NO_CONSENSUS}
    assert set(found.score.tolist()) == {0.5}


@pytest.mark.parametrize("shape", [(0, 4, 2), (3, 5, 2), (4, 2)])
def test_probabilities_of_another_shape_are_refused(shape):
    with pytest.raises(ConfigError, match="voter_probs must be"):
        consensus(np.full(shape, 0.5), np.zeros(4, dtype=np.int64))


def test_a_ratio_of_one_which_would_make_every_voter_sure_is_refused():
    with pytest.raises(ConfigError, match=r"consensus\.min_ratio"):
        ConsensusSettings(1.0)


def test_near_duplicates_get_their_mean_and_others_keep_their_own():
    probs = np.array([[[0.9, 0.1], [0.4, 0.6], [0.9, 0.1], [0.2, 0.8], [0.0, 1.0]]])
    groups = np.array([7, 7, -1, -1, 9])
    given = np.zeros(5, dtype=np.int64)  # the mean: 0.65 and 0.35
    assert consensus(probs, given, 1.8, duplicate_groups=groups).labels.tolist() == [0, 0, 0, 1, 1]
    assert consensus(probs, given, 1.8).labels[1] == NO_CONSENSUS
    assert consensus(probs, given, 2.0, duplicate_groups=groups).labels.tolist() == [NO_CONSENSUS] * 2 + [0, 1, 1]
