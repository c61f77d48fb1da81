"""Scorer: how unsure the model is, beside how little it believes the given label."""

import numpy as np

_SMALLEST = 1e-12
"""What a probability counts at least: a model that is certain of another class gives the given one 0, and the score
is to tell that from certainty for the given one."""


def normalised_entropy(probs: np.ndarray) -> np.ndarray:
    """The entropy of each row over log K: (N,) float64 in [0, 1], 1 where all classes are alike. It doesn't look at
    the given label: high where the sample is ambiguous. probs: (N, K >= 2), rows sum to 1."""
    probs = np.maximum(probs.astype(np.float64), _SMALLEST)
    return -(probs * np.log(probs)).sum(axis=1).clip(-np.log(probs.shape[1]), 0) / np.log(probs.shape[1])


def weighted_entropy_score(probs: np.ndarray, given: np.ndarray) -> np.ndarray:
    """1 - log(1 + r) / r, where r is the normalised entropy over p[given]: (N,) float32 in [0, 1), higher is more
    likely wrong. A sure model raises it where it contradicts the given label, and lowers it where it confirms it.

    probs: (N, K >= 2), rows sum to 1; given: (N,) int64 class indices.
    Source: Kuan and Mueller 2022, "Model-agnostic label quality scoring to detect real-world label errors"
    (confidence-weighted entropy).
    """
    confidence = np.maximum(probs[np.arange(len(given)), given].astype(np.float64), _SMALLEST)
    ratio = np.maximum(normalised_entropy(probs) / confidence, _SMALLEST)
    return (1 - np.log1p(ratio) / ratio).astype(np.float32)
