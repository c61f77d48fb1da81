"""Whether a classifier predicts the given labels better than chance."""

import numpy as np

MIN_STANDARD_ERRORS = 2.5
"""On noise alone the statistic exceeded it in 1 of 46 made studies of 60 to 2,000 samples; on the benchmark's cells it
is 6 or more."""


def is_better_than_chance(probs: np.ndarray, given: np.ndarray, groups: np.ndarray) -> bool:
    """Whether out-of-fold probabilities are associated with the given labels.

    probs: (N, K), rows sum to 1; given: (N,) int64; groups: (N,) int64, equal for samples that are not independent. The
    score test of a mixture of `probs` with the class frequencies: if probabilities and labels were independent, the
    mean of p[given] / frequency[given] would be 1, however confident the classifier is.
    """
    frequency = np.bincount(given, minlength=probs.shape[1]) / len(given)
    gain = probs[np.arange(len(given)), given] / frequency[given] - 1
    # Samples of a group count as one: the standard error is that of the sums over groups.
    number = np.unique(groups, return_inverse=True)[1]
    standard_error = np.sqrt((np.bincount(number, weights=gain - gain.mean()) ** 2).sum())
    return bool(gain.sum() > MIN_STANDARD_ERRORS * standard_error)
