"""Co-teaching: two networks, each of which picks what the other learns from.

Source: Han, Yao, Yu, Niu, Xu, Hu, Tsang, Sugiyama 2018, "Co-teaching: Robust Training of Deep Neural Networks with
Extremely Noisy Labels".
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from overread.benchmark.trainers.network_training import (
    Batch,
    final_outcome,
    logits_of,
    start_network,
    train_networks,
)
from overread.benchmark.trainers.small_loss import kept_share_of, small_loss_places
from overread.benchmark.trainers.training_problem import Recipe, TrainingOutcome, TrainingProblem


@dataclass(frozen=True)
class CoTeachingSettings:
    """As in the paper's experiments."""

    num_gradual: int = 10
    """Epochs until as many samples are left out as labels are wrong; T_k. At most a third of all epochs."""
    exponent: float = 1.0
    """Of the epoch, in the share that is kept; c."""


CO_TEACHING_RECIPE = Recipe(
    num_epochs=200,
    batch_size=128,
    optimizer="adam",
    learning_rate=1e-3,
    weight_decay=0.0,
    schedule="linear",
    milestones=(0.4,),  # 80 of 200 epochs
)
"""The paper's, but for Adam's first moment, whose decay falls from 0.9 to 0.1 at epoch 80 in the authors' code."""


def co_teaching_loss(first: Tensor, second: Tensor, targets: Tensor, share: float) -> Tensor:
    """The sum of both networks' losses, each the mean over the samples whose loss is small in the *other* network.

    first, second: (B, K) logits of the two networks; targets: (B,) int64; share: R(T), of the batch, in (0, 1].
    Returns a scalar at least 0. Source: the paper's algorithm.
    """
    first_losses = F.cross_entropy(first, targets, reduction="none")
    second_losses = F.cross_entropy(second, targets, reduction="none")
    for_first = first_losses[small_loss_places(second_losses, share)]
    for_second = second_losses[small_loss_places(first_losses, share)]
    return for_first.mean() + for_second.mean()


def train_by_co_teaching(
    problem: TrainingProblem, settings: CoTeachingSettings = CoTeachingSettings()
) -> TrainingOutcome:
    """Both networks see the same view of a batch; at the end they are asked together, where the paper reports one.
    Raises ConfigError without a noise rate."""
    networks = [start_network(problem, number) for number in range(2)]

    def batch_loss(batch: Batch) -> Tensor:
        images = batch.weak()
        first, second = (logits_of(problem, network, images) for network in networks)
        share = kept_share_of(problem, batch.epoch, num_gradual=settings.num_gradual, exponent=settings.exponent)
        return co_teaching_loss(first, second, batch.targets, share)

    train_networks(problem, networks, batch_loss)
    return final_outcome(problem, *networks)
