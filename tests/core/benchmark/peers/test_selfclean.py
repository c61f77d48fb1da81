import numpy as np
import pytest
from scipy import stats

from overread.benchmark.peers.selfclean import distance_ratio, is_outlying, selfclean
from tests.core.benchmark.made_task import made_problem

ANGLES = np.deg2rad([0, 10, 25, 90, 100, 115])
POINTS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)


def ratio(intra_degrees, extra_degrees):
    intra, extra = (1 - np.cos(np.deg2rad(angle)) for angle in (intra_degrees, extra_degrees))
    return extra**2 / (intra**2 + extra**2)


def test_distance_ratios_of_six_points_are_those_worked_out_by_hand():
    quality, nearest_other = distance_ratio(POINTS, np.array([0, 0, 1, 1, 1, 0]))
    expected = [ratio(10, 25), ratio(10, 15), ratio(65, 15), ratio(10, 25), ratio(10, 15), ratio(105, 15)]
    assert quality == pytest.approx(expected, abs=1e-5)
    assert nearest_other.tolist() == [2, 2, 1, 5, 5, 4]


def test_a_sample_alone_in_its_class_takes_the_largest_distance_for_its_own():
    quality, _ = distance_ratio(POINTS, np.array([0, 0, 2, 1, 1, 1]))
    assert quality[2] == pytest.approx(ratio(90, 15), abs=1e-5)


def test_copies_of_one_image_with_two_labels_are_undecided():
    points = np.repeat([[1.0, 0.0], [0.0, 1.0]], 4, axis=0)
    quality, _ = distance_ratio(points, np.array([0, 0, 1, 1, 0, 0, 0, 0]))
    assert quality[:4] == pytest.approx([0.5] * 4)


def test_what_a_logistic_distribution_does_not_explain_is_outlying():
    rng = np.random.default_rng(0)
    logits = stats.logistic.ppf((np.arange(2000) + 0.5) / 2000) + 3
    assert is_outlying(1 / (1 + np.exp(-logits))).sum() <= 1  # one of 2,000 is expected below the cut
    odd = np.concatenate([logits, rng.normal(-12, 0.1, 10)])
    found = is_outlying(1 / (1 + np.exp(-odd)))
    assert found[2000:].all()
    assert found[:2000].sum() <= 1


def test_wrong_labels_lie_nearer_to_another_class():
    problem, true = made_problem(noise=0.1)
    found = selfclean(problem)
    is_wrong = problem.given != true
    assert found.scores[is_wrong].mean() > found.scores[~is_wrong].mean() + 0.2
    assert (found.proposed[is_wrong] == true[is_wrong]).mean() > 0.8
