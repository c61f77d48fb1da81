"""The share of wrong labels, counted from out-of-fold class probabilities alone.

A label is contradicted if another class is the most likely one. Counting these calls every label of a hard image wrong
on which the classifier is mistaken: too many. Confident learning counts only those where another class is likelier than
it is, on average, for the images of that label: too few, as it asks for more than the probability that most right
labels have. The share is taken halfway between the two.
Source: Northcutt et al. 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels" (the second count);
core/docs/results/probabilities.md measures the mean of both.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ContradictedShare:
    """Two counts of contradicted labels, as shares of all labels, in [0, 1]."""

    confident: float
    """Another class reaches the mean probability that it has for its own labels."""
    any: float
    """Another class is the most likely one; never below `confident`."""

    @property
    def middle(self) -> float:
        """The estimate of the share of wrong labels."""
        return (self.confident + self.any) / 2


def contradicted_share(probs: np.ndarray, given: np.ndarray) -> ContradictedShare:
    """Count the labels that out-of-fold probabilities contradict.

    probs: (N, K) float, rows sum to 1; given: (N,) int64 in [0, K). A class that no label names is never confident.
    """
    num_samples, num_classes = probs.shape
    counts = np.bincount(given, minlength=num_classes)
    sums = np.bincount(given, weights=probs[np.arange(num_samples), given], minlength=num_classes)
    usual = np.divide(sums, counts, out=np.full(num_classes, np.inf), where=counts > 0)
    candidates = np.where(probs >= usual, probs, -1.0)
    is_confident = (candidates.max(axis=1) >= 0) & (candidates.argmax(axis=1) != given)
    is_any = probs.argmax(axis=1) != given
    return ContradictedShare(float((is_confident & is_any).mean()), float(is_any.mean()))
