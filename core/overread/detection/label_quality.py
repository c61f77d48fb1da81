"""Scores of a given label from class probabilities, or from the other labels of its duplicate group.

All of them are in [0, 1], and higher means that the label is more likely wrong. With cleanlab's label quality scores it
is the other way round.
"""

import numpy as np

from overread.detection.group_labels import GroupLabels

_SMALLEST = 1e-12
"""Lower bound of a probability in the entropy: without it, a model that gives the given label 0 and one that gives it 1
would score alike."""


def self_confidence_score(probs: np.ndarray, given: np.ndarray) -> np.ndarray:
    """1 - p[given]: (N,) in [0, 1], of the dtype of `probs`.

    probs: (N, K), rows sum to 1; given: (N,) int64 class indices.
    """
    return 1 - probs[np.arange(len(given)), given]


def margin_score(probs: np.ndarray, given: np.ndarray) -> np.ndarray:
    """(1 - p[given] + the highest other p) / 2: (N,) float32 in [0, 1], above 1/2 where another class is more likely
    than the given one.

    probs: (N, K >= 2), rows sum to 1; given: (N,) int64 class indices.
    Source: the normalised margin of Northcutt, Jiang, Chuang 2021, "Confident learning".
    """
    rows = np.arange(len(given))
    others = probs.astype(np.float32)
    others[rows, given] = -np.inf
    return (1 - probs[rows, given].astype(np.float32) + others.max(axis=1)) / 2


def normalised_entropy(probs: np.ndarray) -> np.ndarray:
    """The entropy of each row divided by log K: (N,) float64 in [0, 1], 1 for a uniform row. It doesn't depend on the
    given label: it is high where the sample is ambiguous. probs: (N, K >= 2), rows sum to 1."""
    probs = np.maximum(probs.astype(np.float64), _SMALLEST)
    return -(probs * np.log(probs)).sum(axis=1).clip(-np.log(probs.shape[1]), 0) / np.log(probs.shape[1])


def weighted_entropy_score(probs: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Confidence-weighted entropy, 1 - log(1 + r) / r with r = normalised entropy / p[given]: (N,) float32 in [0, 1).
    A confident model raises the score of a label that it contradicts and lowers that of one that it confirms.

    probs: (N, K >= 2), rows sum to 1; given: (N,) int64 class indices.
    Source: Kuan and Mueller 2022, "Model-agnostic label quality scoring to detect real-world label errors".
    """
    confidence = np.maximum(probs[np.arange(len(given)), given].astype(np.float64), _SMALLEST)
    ratio = np.maximum(normalised_entropy(probs) / confidence, _SMALLEST)
    return (1 - np.log1p(ratio) / ratio).astype(np.float32)


def conflict_score(given: np.ndarray, duplicate_groups: np.ndarray) -> np.ndarray:
    """The share of a duplicate group's labels that differ from the sample's own: (N,) float32 in [0, 1), 0 where the
    group agrees and for a sample without duplicates.

    given: (N,) int64; duplicate_groups: (N,) int64, equal for near-duplicates, -1 for a sample without any.
    """
    scores = np.zeros(len(given), dtype=np.float32)
    shared = GroupLabels.of(given, duplicate_groups)
    votes = shared.sums(np.eye(given.max(initial=0) + 1)[shared.labels])[shared.places]
    scores[shared.members] = 1 - votes[np.arange(len(votes)), shared.labels] / votes.sum(axis=1)
    return scores
