"""DISC: every sample has thresholds of its own, which follow how sure the network has been of it.

Source: Li, Han, Shan, Chen 2023, "DISC: Learning from Noisy Labels via Dynamic Instance-Specific Selection and
Correction".
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from overread.benchmark.trainers.mixup import draw_mix, soft_cross_entropy
from overread.benchmark.trainers.network_training import (
    Batch,
    final_outcome,
    logits_of,
    make_optimizer,
    run_epoch,
    start_network,
)
from overread.benchmark.trainers.phase_length import phase_length
from overread.benchmark.trainers.training_problem import Recipe, TrainingOutcome, TrainingProblem

DISC_RECIPE = Recipe(
    num_epochs=200,
    batch_size=128,
    optimizer="sgd",
    learning_rate=0.01,
    weight_decay=1e-3,
    schedule="steps",
    milestones=(0.4, 0.8),  # 80 and 160 of 200 epochs
)
"""The paper's rate is 0.1 without momentum: with a momentum of 0.9, 0.01 takes as long a way."""


@dataclass(frozen=True)
class DISCSettings:
    """As the authors have them for CIFAR-10 and CIFAR-100 under symmetric noise of at most 50 %."""

    num_warmup: int = 20
    """Epochs on all given labels, at most a third of all."""
    momentum: float = 0.99
    """Of the thresholds, from epoch to epoch of 200, so that they rise as far in fewer epochs; lambda."""
    offset: float = 0.5
    """What a sample must be surer by than its thresholds for its label to be corrected; sigma."""
    max_threshold: float = 0.99
    """For corrections."""
    hard_weight: float = 1.0
    """Of the hard samples' loss; lambda_h."""
    q: float = 0.7
    """Of the hard samples' generalised cross-entropy."""
    mixup_alpha: float = 5.0
    """Of the beta distribution that the share of a mix is drawn from."""


@dataclass(frozen=True)
class DISCSelection:
    """What an epoch trains on."""

    is_clean: Tensor
    """(N,) bool: both views are surer of the given label than the thresholds."""
    is_hard: Tensor
    """(N,) bool: one of them is."""
    is_purified: Tensor
    """(N,) bool: neither is, and together they are sure of a class."""
    labels: Tensor
    """(N,) int64: the given label, or of the purified, that class."""


def select(
    weak: Tensor, strong: Tensor, given: Tensor, thresholds: tuple[Tensor, Tensor], settings: DISCSettings
) -> DISCSelection:
    """Sort the samples into clean, hard and purified ones, and none.

    weak, strong: (N, K), rows sum to 1, of the two views; given: (N,) int64; thresholds: (N,) of each view, from the
    epochs before.
    """
    own = given[:, None]
    is_sure = [view.gather(1, own).squeeze(1) > limit for view, limit in zip((weak, strong), thresholds, strict=True)]
    is_clean = is_sure[0] & is_sure[1]
    is_hard = is_sure[0] ^ is_sure[1]
    confidence, predicted = ((weak + strong) / 2).max(dim=1)
    limit = ((thresholds[0] + thresholds[1]) / 2 + settings.offset).clamp_max(settings.max_threshold)
    is_purified = (confidence > limit) & ~is_clean & ~is_hard
    return DISCSelection(is_clean, is_hard, is_purified, torch.where(is_purified, predicted, given))


def generalized_cross_entropy(logits: Tensor, targets: Tensor, q: float) -> Tensor:
    """(B,), in [0, 1 / q]: (1 - p^q) / q, with p the target's probability. logits: (B, K); targets: (B,) int64; q: in
    (0, 1]. Source: Zhang and Sabuncu 2018, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy
    Labels", equation 6."""
    own = F.log_softmax(logits, dim=1).gather(1, targets[:, None]).squeeze(1)
    return (1 - torch.exp(q * own)) / q


class _Views:
    """What was said of both views of every sample when it was last trained on, and the thresholds from that."""

    def __init__(self, problem: TrainingProblem, settings: DISCSettings) -> None:
        data = problem.data
        self.settings = settings
        self.probs = torch.zeros(2, len(data.given), data.num_classes, device=data.device)
        self._thresholds = torch.full((2, len(data.given)), 1 / len(data.given), device=data.device)
        self._given = torch.from_numpy(data.given).to(data.device)
        self._momentum = settings.momentum ** (DISC_RECIPE.num_epochs / problem.recipe.num_epochs)
        self.selection = self._select()  # of nothing yet

    def end_epoch(self) -> None:
        """Select by the thresholds of the epochs before, then move them towards how sure each view is now."""
        self.selection = self._select()
        self._thresholds.lerp_(self.probs.amax(dim=2), 1 - self._momentum)

    def _select(self) -> DISCSelection:
        thresholds = self._thresholds[0], self._thresholds[1]
        return select(self.probs[0], self.probs[1], self._given, thresholds, self.settings)


def train_by_disc(problem: TrainingProblem, settings: DISCSettings = DISCSettings()) -> TrainingOutcome:
    """The weak view is the warm-up's, the strong one that of pseudo-labelled samples in the paper's own loop."""
    network = start_network(problem)
    optimizer = make_optimizer(problem.recipe, network)
    views = _Views(problem, settings)
    num_warmup = phase_length(settings.num_warmup, problem.recipe.num_epochs)

    def batch_loss(batch: Batch) -> Tensor:
        images = torch.cat([batch.weak(), batch.strong()])
        logits = logits_of(problem, network, images)
        index = batch.index.to(logits.device, non_blocking=True)
        views.probs[:, index] = logits.detach().softmax(dim=1).view(2, len(index), -1)
        targets = batch.targets.repeat(2)
        losses = F.cross_entropy(logits, targets, reduction="none")
        if batch.epoch <= num_warmup:
            return 2 * losses.mean()
        selection = views.selection
        is_clean, is_hard = selection.is_clean[index].repeat(2), selection.is_hard[index].repeat(2)
        hard_losses = settings.hard_weight * generalized_cross_entropy(logits, targets, settings.q)
        loss = (losses * is_clean + hard_losses * is_hard).sum() / len(index)
        is_chosen = selection.is_clean | selection.is_hard | selection.is_purified
        chosen = is_chosen[index].nonzero().squeeze(1)
        # Batch normalisation takes no single image.
        if len(chosen) > 1:
            labels = F.one_hot(selection.labels[index][chosen], problem.data.num_classes).float()
            for view in images.chunk(2):
                mix = draw_mix(len(chosen), settings.mixup_alpha, batch.generator)
                mixed = logits_of(problem, network, mix.of(view[chosen]))
                loss = loss + soft_cross_entropy(mixed, mix.of(labels)).mean()
        return loss

    for epoch in range(1, problem.recipe.num_epochs + 1):
        run_epoch(problem, [network], optimizer, batch_loss, epoch=epoch)
        views.end_epoch()
    return final_outcome(problem, network)
