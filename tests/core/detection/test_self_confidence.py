import numpy as np

from overread.detection.self_confidence import self_confidence_score


def test_the_score_is_what_the_given_label_leaves():
    probs = np.array([[0.2, 0.8], [0.9, 0.1], [0.0, 1.0]])
    np.testing.assert_allclose(self_confidence_score(probs, np.array([0, 0, 1])), [0.8, 0.1, 0.0])
