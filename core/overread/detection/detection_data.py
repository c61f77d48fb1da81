"""The input of label-error detection: features, given labels, and whatever else is known about the samples."""

from dataclasses import dataclass

import numpy as np

from overread.verified_labels import VerifiedLabels


@dataclass(frozen=True)
class DetectionData:
    """Arrays with one row per sample, in the same order."""

    features: np.ndarray
    """(N, D) float: frozen features of the images."""
    given: np.ndarray
    """(N,) int64 in [0, K): the labels to judge."""
    groups: np.ndarray
    """(N,) int64, equal for samples that must stay in one fold: those of a patient or slide, near-duplicates."""
    is_trained: np.ndarray
    """(N,) bool: the samples that may be fitted on. All are judged."""
    num_classes: int
    network_probs: np.ndarray | None = None
    """(N, K), rows sum to 1: class probabilities by networks that were not trained on the sample's label."""
    network_stage_probs: np.ndarray | None = None
    """(S, N, K): the same at each stage of these networks' training."""
    votes: np.ndarray | None = None
    """(N, R) int64: the labels of single raters, -1 where one gave none."""
    duplicate_groups: np.ndarray | None = None
    """(N,) int64, equal for near-duplicates, -1 for a sample without any."""
    verified: VerifiedLabels | None = None
    """Labels that readers decided."""

    @property
    def trained(self) -> np.ndarray:
        """(M,) int64: the indices of the samples that may be fitted on."""
        return np.flatnonzero(self.is_trained)
