"""Scorer: how little probability the given label gets."""

import numpy as np


def self_confidence_score(probs: np.ndarray, given: np.ndarray) -> np.ndarray:
    """1 - p[given]: (N,) in [0, 1] of probs' dtype, higher is more likely wrong. probs: (N, K), rows sum to 1;
    given: (N,) int64 class indices."""
    return 1 - probs[np.arange(len(given)), given]
