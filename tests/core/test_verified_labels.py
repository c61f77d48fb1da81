import numpy as np

from overread.verified_labels import VerifiedLabels

VERIFIED = VerifiedLabels(
    np.array([[0, 0, 0], [0, 1, 0], [0.5, 0, 0.5], [0, 0, 0]]), np.array([False, False, False, True])
)


def test_a_verified_label_counts_whole_and_two_by_halves():
    assert VERIFIED.is_verified.tolist() == [False, True, True, False]
    assert VERIFIED.is_certain.tolist() == [False, True, False, False]
    assert VERIFIED.labels(np.array([2, 2, 2, 2])).tolist() == [2, 1, 2, 2]


def test_soft_targets_take_the_verified_labels_and_leave_the_rest():
    otherwise = np.array([[0.2, 0.3, 0.5], [0.7, 0.2, 0.1]])
    soft = VERIFIED.soft(otherwise, np.array([0, 2]))
    np.testing.assert_allclose(soft, [[0.2, 0.3, 0.5], [0.5, 0, 0.5]])
    assert soft.dtype == np.float32


def test_what_is_left_out_counts_as_undecided():
    rest = VERIFIED.without(np.array([True, True, False, True]))
    assert rest.is_verified.tolist() == [False, False, True, False]
    assert not rest.is_excluded.any()
    assert VERIFIED.is_excluded.any()
