"""MentorNet PD: a curriculum that weights each sample by how far its loss lies above a moving percentile.

The paper's mentor is a small recurrent network that weights the student's samples, learnt in one of two ways. *PD*,
predefined: it is fitted to a curriculum that the paper states. *DD*, data-driven: it is fitted to which labels are
wrong, on a set where that is known. A study has no such set, so DD is not here. The mentor of PD does no more than
approximate that curriculum, so the curriculum itself weights the samples here, without a network.

Source: Jiang, Zhou, Leung, Li, Fei-Fei 2018, "MentorNet: Learning Data-Driven Curriculum for Very Deep Neural Networks
on Corrupted Labels"; what the paper leaves open is as its authors' released settings have it for a fifth to two fifths
of wrong labels.
"""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from overread.benchmark.trainers.network_training import Batch, final_outcome, train_network
from overread.benchmark.trainers.training_problem import TrainingOutcome, TrainingProblem

PERCENTILE = 0.75
"""Share of a batch's losses below lambda 1, before that is averaged over batches. The same for every rate of noise."""
DECAY = 0.5
"""Of the moving average, with each batch."""
SLOPE = 1.0
"""Lambda 2, in nats: by how much a loss exceeds lambda 1 when the sample's weight reaches 0."""
FIRST_EPOCHS, FIRST_DROPPED, LATER_DROPPED = 0.17, 0.5, 0.05
"""Share of the epochs during which half of each batch, drawn at random, has weight 0; later it is a twentieth."""


def curriculum_weights(losses: Tensor, threshold: Tensor, slope: float) -> Tensor:
    """1 up to the threshold, from there falling to 0 over `slope` nats; with slope 0 a step.

    losses: (B,); threshold: lambda 1. Returns (B,) in [0, 1]. Source: the predefined curriculum.
    """
    if slope == 0:
        return (losses <= threshold).to(losses.dtype)
    return (1 - (losses - threshold) / slope).clamp(0, 1)


def drop_at_random(weights: Tensor, share: float, generator: Generator) -> Tensor:
    """The weights (B,) with that share of them, drawn at random, at 0. Source: the authors' code."""
    num_kept = int(len(weights) * (1 - share))
    is_kept = torch.zeros(len(weights))
    is_kept[torch.randperm(len(weights), generator=generator)[:num_kept]] = 1
    return weights * is_kept.to(weights.device)


class LossPercentile:
    """The moving average of a percentile of the batches' losses."""

    def __init__(self, percentile: float, decay: float) -> None:
        self._percentile, self._decay = percentile, decay
        self._average: Tensor | None = None

    def update(self, losses: Tensor) -> Tensor:
        """The average with a batch's losses (B,) in it; it starts at the first batch's own."""
        found = losses.quantile(self._percentile)
        if self._average is not None:
            found = self._decay * self._average + (1 - self._decay) * found
        self._average = found
        return found


def train_by_mentornet_pd(problem: TrainingProblem) -> TrainingOutcome:
    percentile = LossPercentile(PERCENTILE, DECAY)
    num_epochs = problem.recipe.num_epochs

    def loss(logits: Tensor, batch: Batch) -> Tensor:
        losses = F.cross_entropy(logits, batch.targets, reduction="none")
        seen = losses.detach()
        weights = curriculum_weights(seen, percentile.update(seen), SLOPE)
        is_first = batch.epoch - 1 < FIRST_EPOCHS * num_epochs
        weights = drop_at_random(weights, FIRST_DROPPED if is_first else LATER_DROPPED, batch.generator)
        return (weights * losses).mean()

    return final_outcome(problem, train_network(problem, loss))
