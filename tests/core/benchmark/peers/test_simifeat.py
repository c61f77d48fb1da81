import numpy as np
import pytest

from overread.benchmark.peers import simifeat as module
from overread.benchmark.peers.simifeat import simifeat, soft_labels
from overread.benchmark.problem import Problem

ANGLES = np.deg2rad([0, 10, 25, 90, 100, 115])
POINTS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
GIVEN = np.array([0, 0, 1, 1, 1, 0])


def cos(degrees):
    return np.cos(np.deg2rad(degrees))


def test_soft_labels_of_six_points_are_those_worked_out_by_hand(monkeypatch):
    monkeypatch.setattr(module, "NUM_NEIGHBOURS", 3)
    votes = soft_labels(POINTS, GIVEN, 2)
    # Of 0°, label 0: next 10° (label 0), then 25° (label 1); its own weight lies as far above cos 10° as that above
    # cos 25°.
    assert votes[0] == pytest.approx([2 * cos(10) - cos(25) + cos(10), cos(25)], abs=1e-6)
    # Of 25°, label 1: next 10°, then 0°, both label 0.
    assert votes[2] == pytest.approx([cos(15) + cos(25), 2 * cos(15) - cos(25)], abs=1e-6)
    # Of 115°, label 0: next 100°, then 90°, both label 1.
    assert votes[5] == pytest.approx([2 * cos(15) - cos(25), cos(15) + cos(25)], abs=1e-6)


def test_a_label_that_its_neighbours_outvote_is_proposed_and_scored_by_the_cosine(monkeypatch):
    monkeypatch.setattr(module, "NUM_NEIGHBOURS", 3)
    problem = Problem(POINTS, GIVEN, np.arange(6), 2, 0, np.zeros((6, 8, 8, 1), np.uint8), np.full(6, -1))
    found = simifeat(problem)
    assert found.is_proposed.tolist() == [False, False, True, False, False, True]
    assert found.proposed.tolist() == [0, 0, 0, 1, 1, 1]
    own, others = 2 * cos(15) - cos(25), cos(15) + cos(25)
    assert found.scores[2] == pytest.approx(1 - own / np.hypot(own, others), abs=1e-6)
    assert not found.is_probability
