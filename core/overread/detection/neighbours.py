"""Nearest neighbours in the embedding: the search, the vote of their labels, and the mean of their probabilities."""

import logging
from typing import Any

import numpy as np

from overread.detection.neighbour_index import NeighbourIndex
from overread.detection_settings import NeighbourSettings
from overread.errors import ConfigError

_BLOCK_CELLS = 2**23
"""Similarities held at once: 32 MiB, and twice that again while they are sorted."""
_log = logging.getLogger(__name__)
Neighbours = tuple[np.ndarray, np.ndarray]
"""Indices (N, M) int64 and similarities (N, M) float32, from `nearest_neighbours`."""


def nearest_neighbours(
    embeddings: np.ndarray,
    groups: np.ndarray,
    num: int,
    settings: NeighbourSettings,
    *,
    rows: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The `num` most similar samples of other groups, for every sample or for those at `rows`.

    embeddings: (N, D) float; groups: (N,) int64, equal for samples that may not be each other's neighbours (those of
    one patient or slide, near-duplicates); rows: (M,) int64 dataset indices. Returns indices (M, num) int64 and cosine
    similarities (M, num) float32 in [-1, 1], the most similar first. Where the other groups hold fewer than `num`
    samples, the rest has index -1 and similarity 0. A zero embedding has similarity 0 to all others.

    More queries than `settings.faiss_from` go to faiss if it is installed, else to brute force by blocks, with a
    warning in the log. Exact for up to `settings.approximate_from` samples; above that, from an approximate index (see
    `neighbour_index`). Memory: two float32 copies of the embeddings and 200 MB.
    Raises ConfigError if num < 1.
    """
    if num < 1:
        raise ConfigError(f"neighbours: found {num}, must be at least 1")
    vectors = np.array(embeddings, dtype=np.float32, order="C")
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    rows = np.arange(len(vectors)) if rows is None else rows
    indices = np.full((len(rows), num), -1, dtype=np.int64)
    similarities = np.zeros((len(rows), num), dtype=np.float32)
    is_open = np.ones(len(rows), dtype=bool)
    if len(rows) > settings.faiss_from:
        try:
            import faiss  # noqa: F401
        except ImportError:
            _log.warning(
                "faiss is not installed: %d samples are compared block by block, which takes longer", len(rows)
            )
        else:
            search = _search_flat if len(vectors) <= settings.approximate_from else _search_graph
            is_open = ~search(vectors, groups, rows, indices, similarities)
    _search_blocks(vectors, groups, rows, np.flatnonzero(is_open), indices, similarities)
    return indices, similarities.clip(-1, 1)


def neighbour_vote(
    given: np.ndarray,
    indices: np.ndarray,
    similarities: np.ndarray,
    *,
    num_classes: int,
    is_trained: np.ndarray | None = None,
) -> np.ndarray:
    """Class probabilities of every sample: the shares of its neighbours' given labels, weighted by similarity.

    given: (N,) int64; indices: (N, M) int64 and similarities: (N, M) float, from `nearest_neighbours`; is_trained:
    (N,) bool, the samples whose label counts. Returns (N, K) float32, rows sum to 1. Missing neighbours (index -1) and
    those of similarity 0 or less don't vote; a sample without any vote gets 1 / K for each class.
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
    """Each sample's probabilities averaged with those of its neighbours: (N, K) float32, rows sum to 1.

    probs: (N, K), rows sum to 1; indices, similarities: (N, M), from `nearest_neighbours`; weight: in [0, 1], the
    share of the neighbours' mean (weighted by similarity) in the result. A sample without neighbours keeps its own.
    Memory: two arrays of the size of `probs`, however many neighbours there are.
    """
    weights = _weights(indices, similarities)
    totals = weights.sum(axis=1, keepdims=True)
    shares = weight * weights / np.where(totals > 0, totals, 1)
    result = np.where(totals > 0, 1 - weight, 1).astype(np.float32) * probs.astype(np.float32)
    for place in range(indices.shape[1]):
        result += shares[:, place, None] * probs[indices[:, place]]
    return result


def _weights(indices: np.ndarray, similarities: np.ndarray) -> np.ndarray:
    """(N, M) float32, at least 0."""
    return np.where(indices >= 0, np.maximum(similarities, 0), 0).astype(np.float32)


def _search_blocks(
    vectors: np.ndarray,
    groups: np.ndarray,
    rows: np.ndarray,
    places: np.ndarray,
    indices: np.ndarray,
    similarities: np.ndarray,
) -> None:
    """Fill in the answers at `places` by brute force."""
    num = min(indices.shape[1], len(vectors))
    block_size = max(1, _BLOCK_CELLS // len(vectors))
    for start in range(0, len(places), block_size):
        block = places[start : start + block_size]
        products = vectors[rows[block]] @ vectors.T
        products[groups[rows[block], None] == groups] = -np.inf
        np.negative(products, out=products)  # so that the nearest come first
        nearest = np.argpartition(products, num - 1, axis=1)[:, :num]
        found = np.take_along_axis(products, nearest, axis=1)
        order = np.lexsort((nearest, found), axis=1)
        nearest, found = (np.take_along_axis(values, order, axis=1) for values in (nearest, found))
        is_other = np.isfinite(found)
        indices[block, :num] = np.where(is_other, nearest, -1)
        similarities[block, :num] = np.where(is_other, -found, 0)


def _search_flat(
    vectors: np.ndarray, groups: np.ndarray, rows: np.ndarray, indices: np.ndarray, similarities: np.ndarray
) -> np.ndarray:
    """Fill in the answers by faiss, exactly. Returns (M,) bool: those that are complete."""
    import faiss

    index: Any = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    is_complete = np.zeros(len(rows), dtype=bool)
    num_found = min(2 * indices.shape[1] + 32, len(vectors))
    for start in range(0, len(rows), 1024):
        block = slice(start, start + 1024)
        found, nearest = index.search(vectors[rows[block]], num_found)
        is_complete[block] = _keep_others(
            nearest, found, groups, rows, np.arange(len(rows))[block], indices, similarities
        )
    return is_complete


def _search_graph(
    vectors: np.ndarray, groups: np.ndarray, rows: np.ndarray, indices: np.ndarray, similarities: np.ndarray
) -> np.ndarray:
    """Fill in the answers by the approximate index, which is asked for more where a sample's own group takes up what it
    found. Returns (M,) bool: those that are complete."""
    index = NeighbourIndex(vectors)
    is_complete = np.zeros(len(rows), dtype=bool)
    num_found = 2 * indices.shape[1] + 32
    for num in (num_found, 4 * num_found, 16 * num_found):
        places = np.flatnonzero(~is_complete)
        for start in range(0, len(places), 1024):
            block = places[start : start + 1024]
            nearest, found = index.search(rows[block], num)
            is_complete[block] = _keep_others(nearest, found, groups, rows, block, indices, similarities)
    return is_complete


def _keep_others(
    nearest: np.ndarray,
    found: np.ndarray,
    groups: np.ndarray,
    rows: np.ndarray,
    places: np.ndarray,
    indices: np.ndarray,
    similarities: np.ndarray,
) -> np.ndarray:
    """Put those of other groups, of what was found for the rows at `places`, into their answers. Returns (M,) bool:
    the rows for which there are enough."""
    num = indices.shape[1]
    is_other = (nearest >= 0) & (groups[nearest] != groups[rows[places], None])
    first = np.argsort(~is_other, axis=1, kind="stable")[:, :num]
    indices[places, : first.shape[1]] = np.take_along_axis(nearest, first, axis=1)
    similarities[places, : first.shape[1]] = np.take_along_axis(found, first, axis=1)
    return np.take_along_axis(is_other, first, axis=1)[:, -1] & (first.shape[1] == num)
