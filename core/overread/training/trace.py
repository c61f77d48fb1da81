"""The trace of a run: the predictions for every sample at every stage, and the resulting labels."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from overread.phases import Stage, StageKind
from overread.training.consensus import Consensus

_STAGE = "cross_fitted_stage_"


@dataclass
class Trace:
    """Grows while a run trains; an entry's second axis is the dataset index."""

    stages: list[Stage] = field(default_factory=list)
    stage_probs: list[np.ndarray] = field(default_factory=list)
    """(N, K) float32 each."""
    pseudo_labels: list[np.ndarray] = field(default_factory=list)
    """(N,) int64 each: the labels after each round."""
    is_consensus: list[np.ndarray] = field(default_factory=list)
    """(N,) bool each: the samples that reached consensus in each round."""
    embeddings: np.ndarray | None = None
    """(N, D) float32: the pretrained encoder's features, before it saw any label; or features from elsewhere."""

    cross_fitted: np.ndarray | None = None
    """(N, K) float32: what networks say that never saw the sample's label; None where there are no folds."""
    cross_fitted_stages: dict[int, np.ndarray] = field(default_factory=dict)
    """By epoch, (N, K) float32: what they said after it."""

    @property
    def features(self) -> np.ndarray:
        """(N, D) float32: the embeddings of a training that has come past its pretraining."""
        if self.embeddings is None:
            raise RuntimeError("the training has not computed its features yet")
        return self.embeddings

    def add_stage(self, stage: Stage, probs: np.ndarray) -> None:
        self.stages.append(stage)
        self.stage_probs.append(probs)

    def add_round(self, consensus: Consensus) -> None:
        self.pseudo_labels.append(consensus.pseudo_labels)
        self.is_consensus.append(consensus.is_consensus)

    def add_iteration(self, stage: Stage, probs: np.ndarray, pseudo_labels: np.ndarray) -> None:
        """An iteration of self-training: a stage and its pseudo-labels. It reaches consensus on the samples on which
        all iterations so far agree."""
        agrees = np.all([other == pseudo_labels for other in [*self.pseudo_labels, pseudo_labels]], axis=0)
        self.add_stage(stage, probs.astype(np.float32))
        self.pseudo_labels.append(pseudo_labels.astype(np.int64))
        self.is_consensus.append(agrees)

    def round_probs(self, index: int) -> np.ndarray:
        """(S, N, K): the stages of a round; index: from 0."""
        of_round = (StageKind.ROUND, index)
        in_order = zip(self.stages, self.stage_probs, strict=True)
        return np.stack([probs for stage, probs in in_order if (stage.kind, stage.index) == of_round])

    def to_tensors(self) -> dict[str, Tensor]:
        """As tensors, for a checkpoint; the stages follow from the settings, so they stay out."""
        lists = {name: getattr(self, name) for name in ("stage_probs", "pseudo_labels", "is_consensus")}
        tensors = {name: torch.from_numpy(np.stack(values)) for name, values in lists.items() if values}
        for name in ("embeddings", "cross_fitted"):
            if getattr(self, name) is not None:
                tensors[name] = torch.from_numpy(getattr(self, name))
        stages = {f"{_STAGE}{epoch}": torch.from_numpy(probs) for epoch, probs in self.cross_fitted_stages.items()}
        return tensors | stages

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor], stages: list[Stage]) -> "Trace":
        """The trace of a checkpoint; stages: all that the settings lead to, in order."""
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        stage_probs, pseudo_labels, is_consensus = (
            list(arrays.get(name, [])) for name in ("stage_probs", "pseudo_labels", "is_consensus")
        )
        return cls(
            stages[: len(stage_probs)],
            stage_probs,
            pseudo_labels,
            is_consensus,
            embeddings=arrays.get("embeddings"),
            cross_fitted=arrays.get("cross_fitted"),
            cross_fitted_stages={
                int(name.removeprefix(_STAGE)): array for name, array in arrays.items() if name.startswith(_STAGE)
            },
        )
