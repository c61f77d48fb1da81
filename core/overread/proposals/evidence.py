"""What a reader is shown beside a proposal, computed once for a run."""

import numpy as np

from overread.detection.neighbours import nearest_neighbours
from overread.proposals.proposal_kinds import NUM_ISOLATION, isolation

NUM_SHOWN = 6


def evidence(embeddings: np.ndarray, groups: np.ndarray, pictures: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of RUN/evidence.npz.

    embeddings: (N, D) float; groups: (N,) int64, equal for samples of one patient, slide or picture (`sample_groups`);
    pictures: (N,) int64, equal for samples that show the same picture, -1 for one alone. Returns
    `neighbours` (N, NUM_SHOWN) int32, dataset indices of the most similar samples of other groups, the most similar
    first, -1 where there are no more; `pictures` (N,) int32, as given; `isolation` (N,) float32, of `isolation`.
    """
    indices, similarities = nearest_neighbours(embeddings, groups, NUM_ISOLATION)
    return {
        "neighbours": indices[:, :NUM_SHOWN].astype(np.int32),
        "pictures": pictures.astype(np.int32),
        "isolation": isolation(similarities).astype(np.float32),
    }
