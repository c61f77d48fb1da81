"""What a reader is shown beside a proposal."""

import numpy as np

from core.proposals.nearest import nearest_neighbours


def neighbours(
    embeddings: np.ndarray, index: int, groups: np.ndarray, *, num: int = 6
) -> tuple[np.ndarray, np.ndarray]:
    """The most similar samples from other patients and slides.

    embeddings: (N, D) float; index: the sample's dataset index; groups: (N,) int64, equal for samples
    of one patient or slide (`sample_groups`). Returns indices (M,) int64 and cosine similarities (M,)
    float32 in [-1, 1], the most similar first; M is at most `num`.
    """
    indices, similarities = nearest_neighbours(embeddings, groups, num, rows=np.array([index]))
    is_there = indices[0] >= 0
    return indices[0, is_there], similarities[0, is_there]
