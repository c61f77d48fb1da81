import numpy as np
import pytest

from overread.detection.neighbours import nearest_neighbours
from overread.detection.proposal_kinds import Kind, isolation, proposal_kinds
from overread.detection_settings import NeighbourSettings
from overread.proposal_settings import ProposalSettings

SETTINGS = ProposalSettings()


def test_each_proposal_has_the_first_kind_that_holds_and_the_others_none():
    probs = np.array([[0.1, 0.8, 0.1], [0.3, 0.5, 0.2], [0.1, 0.8, 0.1], [0.3, 0.5, 0.2], [0.1, 0.8, 0.1]])
    given = np.array([0, 0, 0, 0, 1])
    isolation, groups = np.array([0, 0, 3.5, 3.5, 9.0]), np.array([-1, -1, -1, 7, 7])
    kinds = proposal_kinds(probs, given, np.full(5, 1), isolation, groups, SETTINGS)
    assert kinds.tolist() == [Kind.RELABEL, Kind.AMBIGUOUS, Kind.OUTLIER, Kind.DUPLICATE, ""]


def test_near_duplicates_with_the_same_label_are_no_duplicate_proposals():
    probs = np.tile([0.1, 0.9], (4, 1))
    kinds = proposal_kinds(probs, np.zeros(4, int), np.ones(4, int), np.zeros(4), np.array([3, 3, -1, -1]), SETTINGS)
    assert kinds.tolist() == [Kind.RELABEL] * 4


def test_twenty_images_of_another_kind_are_isolated_though_they_are_close_to_each_other():
    rng = np.random.default_rng(0)
    own = rng.normal(size=(600, 32)) + 4 * np.eye(32)[rng.integers(0, 2, 600)] + 3
    foreign = 0.3 * rng.normal(size=(20, 32)) + 8 * np.eye(32)[5] - 1
    found = isolation(
        nearest_neighbours(np.concatenate([own, foreign]), np.arange(620), 60, NeighbourSettings())[1], SETTINGS
    )
    assert (found[600:] > 3).all()
    assert (found[:600] > 3).mean() < 0.02


def test_isolation_is_the_robust_deviation_of_the_logarithmic_distance():
    similarities = np.array([[0.9, 0.5], [0.8, 0.4], [0.7, 0.3], [0.6, 0.2], [0.5, -0.9]])
    distance = np.log(1 - similarities[:, 0])  # the tenth part of five samples, but one at least
    deviation = np.median(np.abs(distance - np.median(distance)))
    expected = (distance - np.median(distance)) / (deviation / 0.6745)
    assert isolation(similarities, SETTINGS) == pytest.approx(expected, rel=1e-3)
    assert isolation(np.zeros((5, 3)), SETTINGS).tolist() == [0] * 5
