"""Cosine similarities of all samples, a block at a time."""

from collections.abc import Iterator

import numpy as np

_BLOCK = 1024


def similarity_blocks(features: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The samples in order: their indices (B,) and their similarity to every sample (B, N) float32 in [-1, 1].

    features: (N, D). A row of zeros is similar to nothing: 0.
    """
    vectors = np.asarray(features, dtype=np.float32)
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    for start in range(0, len(vectors), _BLOCK):
        index = np.arange(start, min(start + _BLOCK, len(vectors)))
        yield index, (vectors[index] @ vectors.T).clip(-1, 1)
