"""The loop that all training methods share: one data path, one optimiser, one schedule, whatever the loss."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from overread.benchmark.trainers.training_problem import Recipe, TrainingOutcome, TrainingProblem
from overread.errors import ConfigError
from overread.models.augment import strong_augment, weak_augment
from overread.models.network import Network
from overread.training import optimizers
from overread.training.device import autocast
from overread.training.epochs import predict, train_epoch
from overread.training.new_network import new_network
from overread.training.training_data import TrainingData


@dataclass(frozen=True)
class Batch:
    """Some samples to train on, on the data's device."""

    index: Tensor
    """(B,) int64 dataset indices, on the CPU."""
    images: Tensor
    """(B, C, H, W) float32 in [0, 1], as they are."""
    targets: Tensor
    """(B,) int64, the given labels."""
    epoch: int
    """From 1."""
    generator: Generator

    def weak(self) -> Tensor:
        """The images as the warm-up of the paper's loop sees them. Every call draws anew."""
        return weak_augment(self.images, self.generator)

    def strong(self) -> Tensor:
        """The images as that loop sees pseudo-labelled ones. Every call draws anew."""
        return strong_augment(self.images, self.generator)


Loss = Callable[[Tensor, Batch], Tensor]
"""From logits (B, K) float32 and their batch, the scalar to minimise."""


def make_optimizer(recipe: Recipe, *networks: nn.Module) -> Optimizer:
    """One for the parameters of all the networks."""
    parameters = [parameter for network in networks for parameter in network.parameters()]
    return optimizers.make_optimizer(
        parameters, recipe.optimizer, learning_rate=recipe.learning_rate, weight_decay=recipe.weight_decay
    )


def learning_rate_at(recipe: Recipe, epoch: int) -> float:
    """The rate during an epoch, from 1. Raises ConfigError for an unknown schedule."""
    share = (epoch - 1) / recipe.num_epochs
    match recipe.schedule:
        case "constant":
            factor = 1.0
        case "cosine":
            factor = optimizers.cosine_decay(share)
        case "steps":
            factor = 0.1 ** sum(share >= milestone for milestone in recipe.milestones)
        case "linear":
            factor = min(1.0, (1 - share) / (1 - recipe.milestones[0]))
        case _:
            raise ConfigError(f"schedule {recipe.schedule!r}: not one of constant, cosine, steps, linear")
    return recipe.learning_rate * factor


def start_network(problem: TrainingProblem, number: int = 0) -> Network:
    """The network that a method starts from: its weights drawn from the seed or, but for the classifier's, the
    pretrained ones. number: which of several; each draws its own."""
    network = new_network(problem.data, problem.settings, draw_seed(problem.seed, 0, number))
    if problem.pretrained is not None:
        own = network.state_dict()
        network.load_state_dict({**problem.pretrained, **{name: own[name] for name in own if name.startswith("head.")}})
    return network


def draw_seed(*numbers: int) -> int:
    """A seed that follows from some numbers, none of them negative, and shares nothing with those of others."""
    # A sequence takes trailing zeros for none.
    return int(np.random.SeedSequence((len(numbers), *numbers)).generate_state(1, np.uint64)[0] >> np.uint64(1))


def logits_of(problem: TrainingProblem, network: nn.Module, images: Tensor) -> Tensor:
    """(B, K) float32, at the precision of the settings. images: (B, C, H, W)."""
    with autocast(problem.data.device, problem.settings.model.precision):
        return network(images).float()


def run_epoch(
    problem: TrainingProblem,
    networks: Sequence[nn.Module],
    optimizer: Optimizer,
    batch_loss: Callable[[Batch], Tensor],
    *,
    epoch: int,
    data: TrainingData | None = None,
) -> float:
    """One epoch at the rate that the recipe has for it; returns the mean loss.

    batch_loss: gives the scalar to minimise. data: what to train on instead of the problem's data, such as a part of it
    or other labels. The seed and the epoch decide all that is drawn. Raises ConfigError where the loss is no number.
    """
    data = problem.data if data is None else data
    optimizers.set_learning_rate(optimizer, learning_rate_at(problem.recipe, epoch))
    generator = Generator().manual_seed(draw_seed(problem.seed, epoch))
    given = torch.from_numpy(data.given)

    def loss_of(index: Tensor) -> Tensor:
        targets = given[index].to(data.device, non_blocking=True)
        return batch_loss(Batch(index, data.images(index), targets, epoch, generator))

    batches = data.epoch_batches(problem.recipe.batch_size, generator)
    loss = train_epoch(networks, optimizer, batches, loss_of)
    if not math.isfinite(loss):
        raise ConfigError(f"the training diverged in epoch {epoch}: its loss is no number; take a lower learning rate")
    return loss


def train_networks(
    problem: TrainingProblem,
    networks: Sequence[Network],
    batch_loss: Callable[[Batch], Tensor],
    *,
    before_epoch: Callable[[int], None] | None = None,
) -> None:
    """Train networks together, with one optimiser, for all epochs of the recipe.

    batch_loss: gives the scalar to minimise. before_epoch: called with the number of the epoch, from 1.
    """
    optimizer = make_optimizer(problem.recipe, *networks)
    for epoch in range(1, problem.recipe.num_epochs + 1):
        if before_epoch:
            before_epoch(epoch)
        run_epoch(problem, networks, optimizer, batch_loss, epoch=epoch)


def train_network(
    problem: TrainingProblem,
    loss: Loss,
    *,
    network: Network | None = None,
    before_epoch: Callable[[int], None] | None = None,
) -> Network:
    """A network after all epochs of the recipe on weakly augmented images.

    network: the one to train on; None: that of `start_network`. before_epoch: as for `train_networks`.
    """
    network = start_network(problem) if network is None else network

    def batch_loss(batch: Batch) -> Tensor:
        return loss(logits_of(problem, network, batch.weak()), batch)

    train_networks(problem, [network], batch_loss, before_epoch=before_epoch)
    return network


def predict_probs(problem: TrainingProblem, network: Network, places: np.ndarray | None = None) -> np.ndarray:
    """(N, K) float32 of every sample, or of those at `places` (M,) int64; not augmented."""
    return predict(network, problem.data, places, precision=problem.settings.model.precision)


def final_outcome(problem: TrainingProblem, *networks: Network) -> TrainingOutcome:
    """What the networks say of every sample, on average. Raises ConfigError where that is no number."""
    probs = np.stack([predict_probs(problem, network) for network in networks]).mean(axis=0)
    if not np.isfinite(probs).all():
        raise ConfigError("the training diverged: its predictions are no numbers; take a lower learning rate")
    return TrainingOutcome(probs)
