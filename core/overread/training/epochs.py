"""One epoch of each kind, and the prediction of the whole dataset."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from overread.models.augment import simclr_view, strong_augment, weak_augment
from overread.models.network import Network
from overread.training.device import autocast
from overread.training.losses import confidence_weights, nt_xent, softmax_weighted_cross_entropy
from overread.training.training_data import TrainingData

PREDICTION_BATCH = 512
"""Images of up to 224 px a side; of larger ones fewer, so that they take no more memory."""


def train_epoch(
    networks: Sequence[nn.Module],
    optimizer: Optimizer,
    batches: Iterable[Tensor],
    batch_loss: Callable[[Tensor], Tensor],
) -> float:
    """One epoch of any method: a step for every batch, with the networks in training mode; returns the mean loss.

    batches: dataset indices (B,) int64 each. batch_loss: called with each; gives the scalar to minimise.
    """
    for network in networks:
        network.train()
    losses = []
    for index in batches:
        loss = batch_loss(index)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.detach())
    return float(torch.stack(losses).mean())


def pretrain_epoch(
    network: Network,
    optimizer: Optimizer,
    data: TrainingData,
    *,
    batch_size: int,
    temperature: float,
    flip: bool,
    precision: str,
    generator: Generator,
) -> float:
    """One epoch of SimCLR; returns the mean loss."""

    def batch_loss(index: Tensor) -> Tensor:
        images = data.images(index)
        views = torch.cat([simclr_view(images, generator, flip=flip) for _ in range(2)])
        with autocast(data.device, precision):
            first, second = network.project(views).chunk(2)
        return nt_xent(first, second, temperature=temperature)

    return train_epoch([network], optimizer, data.epoch_batches(batch_size, generator), batch_loss)


def supervised_epoch(
    network: Network,
    optimizer: Optimizer,
    data: TrainingData,
    labels: np.ndarray,
    is_strong: np.ndarray,
    *,
    batch_size: int,
    weight: str,
    precision: str,
    generator: Generator,
) -> tuple[float, float]:
    """One epoch of (weighted) cross-entropy.

    labels: (N,) int64, what to train on; is_strong: (N,) bool, the samples that get strong
    augmentation. Returns the mean loss and the mean of the smallest weight of each batch (1 if unweighted).
    """
    all_labels, all_strong = torch.from_numpy(labels), torch.from_numpy(is_strong)
    lowest = []

    def batch_loss(index: Tensor) -> Tensor:
        targets = all_labels[index].to(data.device, non_blocking=True)
        images = _augment(data.images(index), all_strong[index], generator)
        with autocast(data.device, precision):
            logits = network(images)
        weights = confidence_weights(logits, targets, weight=weight)
        lowest.append(weights.min())
        return softmax_weighted_cross_entropy(logits, targets, weights)

    loss = train_epoch([network], optimizer, data.epoch_batches(batch_size, generator), batch_loss)
    return loss, float(torch.stack(lowest).mean())


@torch.inference_mode()
def predict(network: Network, data: TrainingData, places: np.ndarray | None = None, *, precision: str) -> np.ndarray:
    """Class probabilities of every sample, or of those at `places` (M,) int64, in eval mode: (N or M, K) float32, rows
    sum to 1."""
    network.eval()
    probs = []
    for index in data.batches(_prediction_batch(data), places):
        with autocast(data.device, precision):
            logits = network(data.images(index))
        probs.append(logits.float().softmax(dim=1).cpu())
    return torch.cat(probs).numpy()


@torch.inference_mode()
def embed(network: Network, data: TrainingData, *, precision: str) -> np.ndarray:
    """The encoder's features of every sample, in eval mode: (N, D) float32."""
    network.eval()
    features = []
    for index in data.batches(_prediction_batch(data)):
        with autocast(data.device, precision):
            batch = network.features(data.images(index))
        features.append(batch.float().cpu())
    return torch.cat(features).numpy()


def _prediction_batch(data: TrainingData) -> int:
    side = data.pixels.shape[-1]
    return max(1, PREDICTION_BATCH * 224**2 // max(224, side) ** 2)


def _augment(images: Tensor, is_strong: Tensor, generator: Generator) -> Tensor:
    """Strong augmentation where is_strong (B,) bool, weak elsewhere; the order of the batch stays."""
    strong, weak = is_strong.nonzero().squeeze(1), (~is_strong).nonzero().squeeze(1)
    augmented = torch.empty_like(images)
    for chosen, augment in ((strong, strong_augment), (weak, weak_augment)):
        if len(chosen):
            chosen = chosen.to(images.device, non_blocking=True)
            augmented[chosen] = augment(images[chosen], generator)
    return augmented
