"""How many of a group's labels a decision for all of it sets right, by the verdicts on a random sample of it."""

import numpy as np

from overread.audit.confidence_set import ConfidenceSet, Counts, Predictor

NUM_DRAWN = 20
MIN_RIGHT = 0.8
"""Share of a group's labels for which the new one must be right, at least."""
CONFIDENCE = 0.95
_GUESS = 0.95
"""The share at which the bound is to be good."""


def right_set(counts: Counts, alpha: float) -> ConfidenceSet:
    """counts: of a group, one stratum, the labels for which the new one is right being those that it finds."""
    return ConfidenceSet(counts, Predictor.of(np.array([_GUESS])), alpha)


def least_right(counts: Counts, alpha: float) -> int:
    """For at least so many labels of a group the new one is right; counts: of `right_set`."""
    return right_set(counts, alpha).least()
