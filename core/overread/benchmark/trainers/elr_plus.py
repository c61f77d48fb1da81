"""ELR+: what the networks said early is held against what they are about to memorise.

Source: Liu, Niles-Weed, Razavian, Fernandez-Granda 2020, "Early-Learning Regularization Prevents Memorization of Noisy
Labels"; for the two networks, the averaged weights and mixup, its ELR+.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from overread.benchmark.trainers.mixup import draw_mix, soft_cross_entropy
from overread.benchmark.trainers.network_training import (
    Batch,
    final_outcome,
    logits_of,
    start_network,
    train_networks,
)
from overread.benchmark.trainers.training_problem import Recipe, TrainingOutcome, TrainingProblem
from overread.benchmark.trainers.weight_average import follow, frozen_copy

PAPER_STEPS = 391
"""Of the paper in an epoch: 50,000 images in batches of 128."""


@dataclass(frozen=True)
class ELRPlusSettings:
    """As the authors have them for CIFAR-10 under symmetric noise."""

    target_decay: float = 0.7
    """Of the targets, from epoch to epoch; beta."""
    strength: float = 3.0
    """Of the regularisation; lambda."""
    strength_ramp: float = 0.0
    """Share of all epochs in which it rises; 0: it is there from the start."""
    mixup_alpha: float = 1.0
    """Of the beta distribution that the share of a mix is drawn from."""
    average_decay: float = 0.997
    """Of the averaged weights, from step to step; where an epoch has fewer steps than the paper's 391, as much less
    that an average reaches as many epochs back; gamma."""
    average_ramp: float = 0.5
    """Share of all epochs in which it rises: 40,000 of about 80,000 steps."""


ELR_PLUS_RECIPE = Recipe(
    num_epochs=200,
    batch_size=128,
    optimizer="sgd",
    learning_rate=0.02,
    weight_decay=5e-4,
    schedule="steps",
    milestones=(0.75,),  # 150 of 200 epochs
)


def elr_plus_settings(num_classes: int) -> ELRPlusSettings:
    """The authors': those for CIFAR-100 from 100 classes on, else those for CIFAR-10."""
    if num_classes >= 100:
        return ELRPlusSettings(target_decay=0.9, strength=7.0, strength_ramp=0.4)
    return ELRPlusSettings()


def elr_loss(logits: Tensor, labels: Tensor, targets: Tensor, strength: float) -> Tensor:
    """Cross-entropy, and a term that grows as the predictions leave the targets; a scalar.

    logits: (B, K); labels: (B, K), rows sum to 1, the given ones, mixed; targets: (B, K) at least 0, rows sum to at
    most 1, what was predicted before, mixed alike. Source: the paper's loss; predictions are kept within 1e-4 of 0
    and 1, as in the authors' code, so that the logarithm is finite.
    """
    probs = logits.softmax(dim=1).clamp(1e-4, 1 - 1e-4)
    agreement = (probs * targets).sum(dim=1)
    return (soft_cross_entropy(logits, labels) + strength * torch.log(1 - agreement)).mean()


def sigmoid_ramp(share: float, length: float) -> float:
    """From exp(-5), at 0, to 1, from `length` on: exp(-5 (1 - share / length)^2); 1 where length is 0.
    Source: Laine and Aila 2017, "Temporal Ensembling for Semi-Supervised Learning", as in the authors' code."""
    return 1.0 if share >= length else math.exp(-5 * (1 - share / length) ** 2)


class EarlyTargets:
    """What the networks have said of every sample so far: t = decay t + (1 - decay) p, from 0 on."""

    def __init__(self, num_samples: int, num_classes: int, *, decay: float, device: torch.device) -> None:
        self.decay = decay
        self._values = torch.zeros(num_samples, num_classes, device=device)

    def update(self, index: Tensor, probs: Tensor) -> Tensor:
        """Take in what is said now; returns the new targets (B, K). index: (B,) int64; probs: (B, K)."""
        index = index.to(self._values.device, non_blocking=True)
        self._values[index] = self.decay * self._values[index] + (1 - self.decay) * probs
        return self._values[index]


def train_by_elr_plus(problem: TrainingProblem, settings: ELRPlusSettings | None = None) -> TrainingOutcome:
    """settings: None, those of `elr_plus_settings`. A network's targets come from the averaged weights of the other; at
    the end both networks are asked."""
    data, recipe = problem.data, problem.recipe
    settings = elr_plus_settings(data.num_classes) if settings is None else settings
    networks = [start_network(problem, number) for number in range(2)]
    averages = [frozen_copy(network).eval() for network in networks]
    targets = [
        EarlyTargets(len(data.given), data.num_classes, decay=settings.target_decay, device=data.device)
        for _ in networks
    ]
    num_steps = -(-int(data.is_trained.sum()) // recipe.batch_size)
    decay = settings.average_decay ** max(1.0, PAPER_STEPS / num_steps)
    step = 0

    def batch_loss(batch: Batch) -> Tensor:
        nonlocal step
        share = step / (num_steps * recipe.num_epochs)
        step += 1
        strength = settings.strength * sigmoid_ramp(share, settings.strength_ramp)
        # Before a step rather than after the one before it: it comes to the same.
        for average, network in zip(averages, networks, strict=True):
            follow(average, network, decay * sigmoid_ramp(share, settings.average_ramp))
        images = batch.weak()
        labels = F.one_hot(batch.targets, data.num_classes).float()
        losses = []
        for own, other in ((0, 1), (1, 0)):
            with torch.no_grad():
                said = logits_of(problem, averages[other], images).softmax(dim=1)
            early = targets[own].update(batch.index, said)
            mix = draw_mix(len(images), settings.mixup_alpha, batch.generator)
            logits = logits_of(problem, networks[own], mix.of(images))
            losses.append(elr_loss(logits, mix.of(labels), mix.of(early), strength))
        return torch.stack(losses).sum()

    train_networks(problem, networks, batch_loss)
    return final_outcome(problem, *networks)
