"""Whether a classifier says more of the labels than chance would."""

import numpy as np

BEYOND_CHANCE = 2.5
"""Standard errors. On noise alone the statistic was above it in 1 of 46 made studies of 60 to 2,000 samples; on the
benchmark's cells it is 6 or more."""


def tells_classes_apart(probs: np.ndarray, given: np.ndarray, groups: np.ndarray) -> bool:
    """Whether probabilities that never saw the given labels have to do with them.

    probs: (N, K), rows sum to 1; given: (N,) int64; groups: (N,) int64, equal for samples that hang together. Were
    probabilities and labels to know nothing of each other, the mean over the samples of the given class's probability
    in shares of how frequent it is would be 1, however sure the classifier is of itself: the score test of a mixture of
    it and the classes' frequencies.
    """
    frequency = np.bincount(given, minlength=probs.shape[1]) / len(given)
    gain = probs[np.arange(len(given)), given] / frequency[given] - 1
    # Samples that hang together count as one: the standard error is that of the sums over groups.
    number = np.unique(groups, return_inverse=True)[1]
    error = np.sqrt((np.bincount(number, weights=gain - gain.mean()) ** 2).sum())
    return bool(gain.sum() > BEYOND_CHANCE * error)
