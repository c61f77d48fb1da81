"""The input and output of a training method, and what all of them share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from overread.config import TrainSettings
from overread.training.training_data import TrainingData


@dataclass(frozen=True)
class Recipe:
    """How a network is trained, whatever its loss."""

    num_epochs: int
    batch_size: int
    optimizer: str = "adamw"
    """adamw, adam or sgd (with momentum 0.9)."""
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    schedule: str = "cosine"
    """cosine (towards 0 at the end), constant, steps (a tenth from each milestone on), or linear (towards 0 at the end
    from the first milestone on)."""
    milestones: tuple[float, ...] = ()
    """Shares of the epochs, in (0, 1), rising; of steps and linear."""


@dataclass(frozen=True)
class TrainingProblem:
    """Images and given labels. What is true is in none of it."""

    data: TrainingData
    """Its test samples are not trained on, and are predicted like all others."""
    settings: TrainSettings
    """Encoder, image size and precision; what is particular to the paper's own loop."""
    recipe: Recipe
    seed: int
    pretrained: Mapping[str, Tensor] | None = None
    """The weights to start from; None: those that the seed draws."""
    features: np.ndarray | None = None
    """(N, D) float32 of an encoder that saw no label here, for methods that probe it."""
    groups: np.ndarray | None = None
    """(N,) int64, equal for images of one patient or slide, which stay in one fold; None: each image is alone."""
    noise_rate: float | None = None
    """The true share of wrong labels in [0, 1), for methods whose papers are told it. The others do not look."""

    @property
    def trained_groups(self) -> np.ndarray:
        """(M,) int64: the groups of the samples to train on."""
        groups = np.arange(len(self.data.given)) if self.groups is None else self.groups
        return groups[self.data.is_trained]


@dataclass(frozen=True)
class TrainingOutcome:
    """What a trained model says after the last epoch."""

    probs: np.ndarray
    """(N, K) float32, rows sum to 1: of every sample, trained on or not."""


Trainer = Callable[[TrainingProblem], TrainingOutcome]
