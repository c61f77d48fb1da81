"""Whether a classifier predicts the given labels better than chance."""

import numpy as np

from overread.detection.standard_errors import num_standard_errors


def is_better_than_chance(
    probs: np.ndarray, given: np.ndarray, groups: np.ndarray, *, min_standard_errors: float
) -> bool:
    """Whether out-of-fold probabilities are associated with the given labels, by so many standard errors or more.

    probs: (N, K), rows sum to 1; given: (N,) int64; groups: (N,) int64, equal for samples that are not independent. A
    rank test: for each class, whether its probability ranks higher where it is the given label than elsewhere; the sum
    over the classes, each divided by its standard deviation, so that a class counts neither more nor less for being
    rare. How confident the classifier is does not matter. Ranks are turned into normal scores, so that a rare class
    counts of which a third lies at the very top and the rest, wrong labels, anywhere.
    Source: van der Waerden 1952, "Order tests for the two-sample problem and their power".
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    num_samples, num_classes = probs.shape
    shares = np.bincount(given, minlength=num_classes) / num_samples
    present = np.flatnonzero((shares > 0) & (shares < 1))
    scores = ndtri(rankdata(probs[:, present], axis=0) / (num_samples + 1))
    is_given = given[:, None] == present
    weights = 1 / np.sqrt(shares[present] * (1 - shares[present]))
    gain = ((is_given - shares[present]) * scores * weights).sum(axis=1)
    return num_standard_errors(gain, groups) > min_standard_errors
