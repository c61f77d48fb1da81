"""Networks trained on labels and nothing else: the one that heat maps look into, and the trial that says whether the
cross-fitted ones are worth their time. Neither outlives the process half-trained: both take less than a minute for a
thousand images."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch

from overread.config import TrainSettings
from overread.models.network import Network
from overread.training.epochs import predict, supervised_epoch
from overread.training.new_network import new_network
from overread.training.optimizers import cosine_decay, make_optimizer, set_learning_rate
from overread.training.training_data import TrainingData


def train_on_labels(
    data: TrainingData,
    settings: TrainSettings,
    *,
    num_epochs: int,
    seed: int,
    pretrained: Mapping[str, torch.Tensor] | None = None,
    after_epoch: Callable[[int, Network], None] | None = None,
) -> Network:
    """A network after so many epochs of cross-entropy, as the warm-up has them.

    pretrained: the weights to start from; None: those that `seed` draws. after_epoch: called with the number of the
    epoch, from 1, and the network. The same seed gives the same network.
    """
    network = new_network(data, settings, seed)
    if pretrained:
        network.load_state_dict(pretrained)
    warmup = settings.warmup
    optimizer = make_optimizer(
        network.parameters(),
        warmup.optimizer,
        learning_rate=warmup.learning_rate,
        weight_decay=warmup.weight_decay,
    )
    generator = torch.Generator().manual_seed(seed)
    for epoch in range(1, num_epochs + 1):
        if warmup.schedule == "cosine":
            set_learning_rate(optimizer, warmup.learning_rate * cosine_decay((epoch - 1) / num_epochs))
        supervised_epoch(
            network,
            optimizer,
            data,
            data.given,
            np.zeros(len(data.given), dtype=bool),
            batch_size=warmup.batch_size,
            weight="none",
            precision=settings.model.precision,
            generator=generator,
        )
        if after_epoch:
            after_epoch(epoch, network)
    return network


def trial_probs(
    data: TrainingData,
    settings: TrainSettings,
    held_out: np.ndarray,
    *,
    seed: int,
    on_progress: Callable[[float], None],
) -> np.ndarray:
    """What a network that was trained without a fold, and without SimCLR, says of that fold: (M, K) float32, rows sum
    to 1; the mean over the last epochs, as of the cross-fitted networks.

    held_out: (M,) int64 dataset indices. on_progress: called with the share of the epochs that is done.
    """
    fitting = settings.cross_fitting
    first_averaged = max(1, fitting.num_epochs - fitting.num_averaged + 1)
    is_trained = data.is_trained.copy()
    is_trained[held_out] = False
    predicted: list[np.ndarray] = []

    def after_epoch(epoch: int, network: Network) -> None:
        if epoch >= first_averaged:
            predicted.append(predict(network, data, held_out, precision=settings.model.precision))
        on_progress(epoch / fitting.num_epochs)

    train_on_labels(
        replace(data, is_trained=is_trained),
        settings,
        num_epochs=fitting.num_epochs,
        seed=seed,
        after_epoch=after_epoch,
    )
    return np.mean(predicted, axis=0)
