"""What the neighbours in the embedding make of a sample: a vote of their labels, an average of their probabilities."""

import numpy as np


def neighbour_vote(
    given: np.ndarray,
    indices: np.ndarray,
    similarities: np.ndarray,
    *,
    num_classes: int,
    is_trained: np.ndarray | None = None,
) -> np.ndarray:
    """Class probabilities of every sample: the shares of its neighbours' given labels, weighted by similarity.

    given: (N,) int64; indices: (N, M) int64 and similarities: (N, M) float, of `nearest_neighbours`; is_trained: (N,)
    bool, the samples whose label counts. Returns (N, K) float32, rows sum to 1. A neighbour that is not there
    (index -1) or similar by nothing or less doesn't vote; a sample without any vote gets 1 / K for each class.
    """
    probs = np.zeros((len(given), num_classes), dtype=np.float32)
    weights = _weights(indices, similarities)
    if is_trained is not None:
        weights = weights * is_trained[indices]
    rows = np.arange(len(given))
    for place in range(indices.shape[1]):
        probs[rows, given[indices[:, place]]] += weights[:, place]
    totals = probs.sum(axis=1, keepdims=True)
    return np.where(totals > 0, probs / np.where(totals > 0, totals, 1), np.float32(1 / num_classes))


def smoothed(probs: np.ndarray, indices: np.ndarray, similarities: np.ndarray, weight: float) -> np.ndarray:
    """Each sample's probabilities averaged with those of its neighbours, (N, K) float32, rows sum to 1.

    probs: (N, K), rows sum to 1; indices, similarities: (N, M), of `nearest_neighbours`; weight: in [0, 1], the share
    of the neighbours' mean (weighted by similarity) in the result. A sample without neighbours keeps its own.
    Holds two arrays of the size of `probs` beside it, however many neighbours there are.
    """
    weights = _weights(indices, similarities)
    totals = weights.sum(axis=1, keepdims=True)
    shares = weight * weights / np.where(totals > 0, totals, 1)
    result = np.where(totals > 0, 1 - weight, 1).astype(np.float32) * probs.astype(np.float32)
    for place in range(indices.shape[1]):
        result += shares[:, place, None] * probs[indices[:, place]]
    return result


def _weights(indices: np.ndarray, similarities: np.ndarray) -> np.ndarray:
    """(N, M) float32 at least 0."""
    return np.where(indices >= 0, np.maximum(similarities, 0), 0).astype(np.float32)
