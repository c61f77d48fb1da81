"""Whether a classifier predicts the given labels better than chance."""

import numpy as np


def is_better_than_chance(
    probs: np.ndarray, given: np.ndarray, groups: np.ndarray, *, min_standard_errors: float
) -> bool:
    """Whether out-of-fold probabilities are associated with the given labels, by so many standard errors or more.

    probs: (N, K), rows sum to 1; given: (N,) int64; groups: (N,) int64, equal for samples that are not independent. The
    score test of a mixture of `probs` with the class frequencies: if probabilities and labels were independent, the
    mean of p[given] / frequency[given] would be 1, however confident the classifier is.
    """
    frequency = np.bincount(given, minlength=probs.shape[1]) / len(given)
    gain = probs[np.arange(len(given)), given] / frequency[given] - 1
    # Samples of a group count as one: the standard error is that of the sums over groups.
    number = np.unique(groups, return_inverse=True)[1]
    standard_error = np.sqrt((np.bincount(number, weights=gain - gain.mean()) ** 2).sum())
    return bool(gain.sum() > min_standard_errors * standard_error)
