"""Approximate nearest neighbours of every one of many vectors, in a time that grows as N log N.

A graph of neighbours (HNSW, by faiss) is searched in a few principal components; what it finds is ranked by the vectors
themselves. Source: Malkov and Yashunin 2018, "Efficient and robust approximate nearest neighbor search using
hierarchical navigable small world graphs".
"""

from typing import Any

import numpy as np

_NUM_COMPONENTS = 128
_NUM_SEEN = 5_000
"""Vectors, evenly spaced, from which the components are computed."""
_NUM_LINKS = 24
"""Of each vector in the graph, to each side."""
_EFFORT = 80
"""Candidates that are held while the graph is built or searched."""
_BLOCK_ROWS = 512


class NeighbourIndex:
    """An index of vectors of about unit length, (N, D) float of any precision, which it keeps and does not copy.

    The same vectors give the same answers. Raises ImportError without faiss.
    """

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors = vectors
        self._reduced = _reduced(vectors)
        self._graph = _graph(self._reduced)

    def search(self, rows: np.ndarray, num: int) -> tuple[np.ndarray, np.ndarray]:
        """The nearest of all vectors to those at `rows` (M,) int64: indices (M, num) int64 and inner products (M, num)
        float32, the highest first. A vector is found among its own nearest. -1 where there are fewer than `num`."""
        num = min(num, len(self.vectors))
        num_ranked = min(2 * num + 1, len(self.vectors))
        self._graph.hnsw.efSearch = max(_EFFORT, num_ranked)
        indices = np.empty((len(rows), num), dtype=np.int64)
        products = np.empty((len(rows), num), dtype=np.float32)
        for start in range(0, len(rows), _BLOCK_ROWS):
            block = slice(start, start + _BLOCK_ROWS)
            own = self.vectors[rows[block]].astype(np.float32)
            _, found = self._graph.search(self._reduced[rows[block]], num_ranked)
            found.sort(axis=1)  # so that ties go to the first
            likeness = np.einsum("bd,bkd->bk", own, self.vectors[found], dtype=np.float32)
            likeness[found < 0] = -np.inf
            order = np.argsort(-likeness, axis=1, kind="stable")[:, :num]
            indices[block] = np.take_along_axis(found, order, axis=1)
            products[block] = np.take_along_axis(likeness, order, axis=1)
        return indices, products


def _reduced(vectors: np.ndarray) -> np.ndarray:
    """(N, P) float32: the first principal components, P at most _NUM_COMPONENTS."""
    from sklearn.utils.extmath import randomized_svd

    seen = vectors[:: -(-len(vectors) // _NUM_SEEN)].astype(np.float32)
    centre = seen.mean(axis=0)
    num = min(_NUM_COMPONENTS, *seen.shape)
    _, _, directions = randomized_svd(seen - centre, num, n_iter=2, random_state=0)
    reduced = np.empty((len(vectors), num), dtype=np.float32)
    for start in range(0, len(vectors), 4096):
        block = slice(start, start + 4096)
        reduced[block] = (vectors[block].astype(np.float32) - centre) @ directions.T
    return reduced


def _graph(reduced: np.ndarray) -> Any:
    import faiss

    graph: Any = faiss.IndexHNSWFlat(reduced.shape[1], _NUM_LINKS)
    graph.hnsw.efConstruction = _EFFORT
    num_threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # several threads would link the vectors in an order of their own each time
    try:
        graph.add(reduced)
    finally:
        faiss.omp_set_num_threads(num_threads)
    return graph
