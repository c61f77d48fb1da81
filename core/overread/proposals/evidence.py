"""The evidence shown to readers with each proposal, computed once per run."""

import numpy as np

from overread.detection.neighbours import nearest_neighbours
from overread.detection.proposal_kinds import isolation
from overread.detection_settings import DetectionSettings


def evidence(
    embeddings: np.ndarray, groups: np.ndarray, duplicate_groups: np.ndarray, settings: DetectionSettings
) -> dict[str, np.ndarray]:
    """The arrays of RUN/evidence.npz.

    embeddings: (N, D) float; groups: (N,) int64, equal for samples of one patient, slide or duplicate group
    (`sample_groups`); duplicate_groups: (N,) int64, equal for near-duplicates, -1 for a sample without any. Returns
    `neighbours` (N, M) int32, dataset indices of the most similar samples of other groups, the most similar
    first, -1 where there are no more; `pictures` (N,) int32, the duplicate groups; `isolation` (N,) float32.
    """
    proposals = settings.proposals
    indices, similarities = nearest_neighbours(embeddings, groups, proposals.isolation_neighbour, settings.neighbours)
    return {
        "neighbours": indices[:, : proposals.num_shown].astype(np.int32),
        "pictures": duplicate_groups.astype(np.int32),
        "isolation": isolation(similarities, proposals).astype(np.float32),
    }
