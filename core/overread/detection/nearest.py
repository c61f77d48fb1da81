"""The nearest samples of other patients and slides in the embedding."""

import logging

import numpy as np

from overread.errors import ConfigError

FAISS_FROM = 20_000
"""Samples to search for above which faiss takes over: there it is several times faster than sorting blocks."""
IVF_FROM = 50_000
"""Samples above which faiss looks only into the cells nearest to a sample: what it finds is then approximate."""
_BLOCK_CELLS = 2**23
"""Similarities held at once: 32 MiB of them, and as much again twice over while they are sorted."""
_log = logging.getLogger(__name__)


def nearest_neighbours(
    embeddings: np.ndarray, groups: np.ndarray, num: int, *, rows: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The `num` most similar samples of other groups, for every sample or for those at `rows`.

    embeddings: (N, D) float; groups: (N,) int64, equal for samples that must not vouch for each other (one patient or
    slide, near-duplicates); rows: (M,) int64 dataset indices. Returns indices (M, num) int64 and cosine similarities
    (M, num) float32 in [-1, 1], the most similar first. Where the other groups hold fewer than `num` samples the rest
    is index -1, similarity 0. An embedding of zeros is similar to nothing (0).
    Exact up to 50,000 samples; above, a sample's neighbours come from the nearest 1/32 of the cells that k-means
    makes of the embedding. More than 20,000 rows are searched by faiss where it is installed, else by blocks of
    matrix products, and the log says so. Memory: the embeddings in float32, twice, and 200 MB.
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
    if len(rows) > FAISS_FROM:
        try:
            import faiss  # noqa: F401
        except ImportError:
            _log.warning(
                "faiss is not installed: %d samples are compared block by block, which takes longer", len(rows)
            )
        else:
            is_open = ~_search_index(vectors, groups, rows, indices, similarities)
    _search_blocks(vectors, groups, rows, np.flatnonzero(is_open), indices, similarities)
    return indices, similarities.clip(-1, 1)


def _search_blocks(
    vectors: np.ndarray,
    groups: np.ndarray,
    rows: np.ndarray,
    places: np.ndarray,
    indices: np.ndarray,
    similarities: np.ndarray,
) -> None:
    """Fill the answers at `places` by comparing with every sample."""
    num = min(indices.shape[1], len(vectors))
    block_size = max(1, _BLOCK_CELLS // len(vectors))
    for start in range(0, len(places), block_size):
        block = places[start : start + block_size]
        products = vectors[rows[block]] @ vectors.T
        products[groups[rows[block], None] == groups] = -np.inf
        np.negative(products, out=products)  # the nearest first
        nearest = np.argpartition(products, num - 1, axis=1)[:, :num]
        found = np.take_along_axis(products, nearest, axis=1)
        order = np.lexsort((nearest, found), axis=1)
        nearest, found = (np.take_along_axis(values, order, axis=1) for values in (nearest, found))
        is_other = np.isfinite(found)
        indices[block, :num] = np.where(is_other, nearest, -1)
        similarities[block, :num] = np.where(is_other, -found, 0)


def _search_index(
    vectors: np.ndarray, groups: np.ndarray, rows: np.ndarray, indices: np.ndarray, similarities: np.ndarray
) -> np.ndarray:
    """Fill the answers by faiss; (M,) bool: those that are complete. A sample whose own group crowds the others out
    of what was found is left for a search of all."""
    import faiss

    num, size = indices.shape[1], vectors.shape[1]
    if len(vectors) > IVF_FROM:
        num_cells = int(4 * np.sqrt(len(vectors)))
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(size), size, num_cells, faiss.METRIC_INNER_PRODUCT)
        index.cp.seed = 0
        index.cp.niter = 5
        index.cp.max_points_per_centroid = 64
        index.train(vectors)
        index.nprobe = max(8, num_cells // 32)
    else:
        index = faiss.IndexFlatIP(size)
    index.add(vectors)
    num_found = min(2 * num + 32, len(vectors))
    is_complete = np.zeros(len(rows), dtype=bool)
    for start in range(0, len(rows), 1024):
        block = slice(start, start + 1024)
        found, nearest = index.search(vectors[rows[block]], num_found)
        is_other = (nearest >= 0) & (groups[nearest] != groups[rows[block], None])
        first = np.argsort(~is_other, axis=1, kind="stable")[:, :num]
        is_complete[block] = np.take_along_axis(is_other, first, axis=1)[:, -1] & (first.shape[1] == num)
        indices[block, : first.shape[1]] = np.take_along_axis(nearest, first, axis=1)
        similarities[block, : first.shape[1]] = np.take_along_axis(found, first, axis=1)
    return is_complete
