"""What a reader is shown beside a proposal."""

import numpy as np


def neighbours(
    embeddings: np.ndarray, index: int, groups: np.ndarray, *, num: int = 6
) -> tuple[np.ndarray, np.ndarray]:
    """The most similar samples from other patients and slides.

    embeddings: (N, D) float; index: the sample's dataset index; groups: (N,) int64, equal for samples
    of one patient or slide (`sample_groups`). Returns indices (M,) int64 and cosine similarities (M,)
    float32 in [-1, 1], the most similar first; M is at most `num`.
    """
    vectors = np.asarray(embeddings, dtype=np.float32)
    norms = np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)
    similarities = vectors @ vectors[index] / (norms * norms[index])
    similarities[groups == groups[index]] = -np.inf
    num = min(num, int(np.isfinite(similarities).sum()))
    nearest = np.argpartition(-similarities, max(num - 1, 0))[:num]
    nearest = nearest[np.argsort(-similarities[nearest], kind="stable")]
    return nearest, similarities[nearest].clip(-1, 1)
