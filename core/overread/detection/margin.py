"""Scorer: how far the likeliest other class is ahead of the given label."""

import numpy as np


def margin_score(probs: np.ndarray, given: np.ndarray) -> np.ndarray:
    """(1 - p[given] + the highest other p) / 2: (N,) float32 in [0, 1], higher is more likely wrong, above 1/2 where
    another class is likelier than the given one.

    probs: (N, K >= 2), rows sum to 1; given: (N,) int64 class indices.
    Source: the normalised margin of Northcutt, Jiang, Chuang 2021, "Confident learning".
    """
    rows = np.arange(len(given))
    others = probs.astype(np.float32)
    others[rows, given] = -np.inf
    return (1 - probs[rows, given].astype(np.float32) + others.max(axis=1)) / 2
