"""Consensus of voters that never saw the sample's label: a class of which every one of them is sure."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from overread.detection.detection_data import DetectionData
from overread.detection.noise_transition import NoiseModel
from overread.detection_settings import ConsensusSettings
from overread.errors import ConfigError

NO_CONSENSUS = -1
STAGES = "stages"
"""Of the cross-fitted networks' training, as the paper watches its own network."""
CLASSIFIERS = "classifiers"
"""Fitted to frozen features, over repetitions with other folds; a sample's nearest neighbours count as one more."""


@dataclass(frozen=True)
class CrossFittedConsensus:
    """What the voters say of every sample."""

    labels: np.ndarray
    """(N,) int64: the class that every voter is sure of, NO_CONSENSUS where there is none."""
    score: np.ndarray
    """(N,) float32 in [0, 1], high where the label is probably wrong: 1 where all voters are sure of one other class, 0
    where all are sure of the given one, 1/2 where none is sure."""
    voters: str
    """How many they are, and of what kind: "3 stages", "4 classifiers"."""

    is_sure: np.ndarray
    """(V, N) bool: whether a voter is sure of a class, whichever."""

    @classmethod
    def of(
        cls, voter_probs: np.ndarray, kind: str, data: DetectionData, noise: NoiseModel, settings: ConsensusSettings
    ) -> Self:
        """The consensus of V voters.

        voter_probs: (V >= 1, N, K >= 2), rows sum to 1, each by models that saw neither the sample's label nor its
        group's; kind: STAGES or CLASSIFIERS; noise: of the voters together. Of `data` it uses the given labels and the
        duplicate groups: of near-duplicates a voter has one opinion, its mean. A voter is sure of a class that it finds
        at least `settings.min_ratio` times as likely as any other, at the noise model's temperature: with wrong labels
        among those it learns from, no voter can be sure of what a label will be, only of the class.
        Raises ConfigError if the shapes do not fit.
        Source: Bala, Gupta, Sethi, section 2, "Consensus-Based Pseudo-Labeling". There the voters are stages of one
        network, which saw every label, and by then has learnt the wrong ones.
        """
        given = data.given
        if voter_probs.ndim != 3 or len(voter_probs) < 1 or voter_probs.shape[1] != len(given):
            raise ConfigError(f"voter_probs must be (V >= 1, N = {len(given)}, K); found {voter_probs.shape}")
        num_voters, num_samples, num_classes = voter_probs.shape
        probs = np.stack([noise.class_probs(of_voter) for of_voter in voter_probs])
        if data.duplicate_groups is not None:
            probs = np.stack([_mean_of_duplicates(of_voter, data.duplicate_groups) for of_voter in probs])
        second, first = np.moveaxis(np.partition(probs, num_classes - 2, axis=2)[:, :, -2:], 2, 0)
        is_sure = first >= settings.min_ratio * second
        votes = np.zeros((num_samples, num_classes), dtype=np.float32)
        rows = np.broadcast_to(np.arange(num_samples), is_sure.shape)
        np.add.at(votes, (rows[is_sure], probs.argmax(axis=2)[is_sure]), 1)
        votes /= num_voters
        labels = np.where(votes.max(axis=1) == 1, votes.argmax(axis=1), NO_CONSENSUS)
        is_given = np.arange(num_classes) == given[:, None]
        score = (1 + np.where(is_given, 0, votes).max(axis=1) - votes[is_given]) / 2
        return cls(labels.astype(np.int64), score.astype(np.float32), f"{num_voters} {kind}", is_sure)

    def proposed(self, given: np.ndarray) -> np.ndarray:
        """(N,) int64: the consensus, or the given label (N,) int64 where there is none."""
        return np.where(self.labels == NO_CONSENSUS, given, self.labels)


def _mean_of_duplicates(probs: np.ndarray, duplicate_groups: np.ndarray) -> np.ndarray:
    """probs (N, K) float64, that of each near-duplicate replaced by its group's mean."""
    members = np.flatnonzero(duplicate_groups >= 0)
    number = np.unique(duplicate_groups[members], return_inverse=True)[1]
    sums = np.zeros((number.max(initial=-1) + 1, probs.shape[1]))
    np.add.at(sums, number, probs[members])
    result = probs.copy()
    result[members] = (sums / np.bincount(number)[:, None])[number]
    return result
