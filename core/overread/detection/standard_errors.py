"""Sums over samples that are not independent, in standard errors."""

import numpy as np


def num_standard_errors(values: np.ndarray, groups: np.ndarray) -> float:
    """How many standard errors the sum of `values`, (N,) float, is above 0.

    groups: (N,) int64, equal for samples that are not independent: the standard error is that of the sums over groups.
    Where it is 0, the result is 0 for a sum of 0, else infinite.
    """
    number = np.unique(groups, return_inverse=True)[1]
    standard_error = np.sqrt((np.bincount(number, weights=values - values.mean()) ** 2).sum())
    total = values.sum()
    if not standard_error:
        return float(np.sign(total) * np.inf) if total else 0.0
    return float(total / standard_error)
