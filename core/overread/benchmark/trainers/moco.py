"""MoCo v2, the second pretraining beside SimCLR: a view is to be told from views of other images in earlier batches.

Sources: He, Fan, Wu, Xie, Girshick 2020, "Momentum Contrast for Unsupervised Visual Representation Learning"; Chen,
Fan, Girshick, He 2020, "Improved Baselines with Momentum Contrastive Learning" (v2: the two-layer head, the stronger
augmentation, the cosine schedule, the temperature).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from overread.benchmark.trainers.weight_average import follow, frozen_copy
from overread.config import TrainSettings
from overread.errors import ConfigError
from overread.models.augment import simclr_view
from overread.models.network import Network
from overread.training.device import autocast
from overread.training.epochs import train_epoch
from overread.training.new_network import new_network
from overread.training.optimizers import cosine_decay, make_optimizer, set_learning_rate
from overread.training.training_data import TrainingData


@dataclass(frozen=True)
class MoCoSettings:
    """v2's temperature, and what its authors have for the small images of CIFAR-10."""

    temperature: float = 0.2
    """Of the softmax over the keys."""
    queue_size: int = 4096
    """Keys of earlier batches; at most half the images, so that few of them show the image that is asked for."""
    momentum: float = 0.99
    """Of the encoder of keys, from step to step; at most so much that it reaches a tenth of all steps back."""
    num_groups: int = 4
    """Parts of a shuffled batch that the keys are computed in: with statistics of the whole batch, batch normalisation
    would give the image away (He et al. 2020, section 3.3, "Shuffling BN", there by GPUs)."""


def info_nce(queries: Tensor, keys: Tensor, queue: Tensor, *, temperature: float) -> Tensor:
    """A scalar at least 0: the mean negative log-probability of the key of the same image among that and the queue.

    queries, keys: (B, D), row i of both of the same image; queue: (Q, D). All of unit length. temperature: above 0.
    Source: He et al. 2020, the contrastive loss (InfoNCE).
    """
    positive = (queries * keys).sum(dim=1, keepdim=True)
    logits = torch.cat([positive, queries @ queue.T], dim=1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.int64, device=logits.device))


def moco_weights(
    data: TrainingData, settings: TrainSettings, seed: int, moco: MoCoSettings = MoCoSettings()
) -> Mapping[str, Tensor]:
    """The weights after as many epochs, on the same images, as SimCLR has in the settings, at its batch size, rate and
    weight decay; as `TrainingProblem.pretrained` takes them. No label is looked at. Raises ConfigError where the
    training diverges."""
    return _MoCo(data, settings, seed, moco).weights()


class _MoCo:
    def __init__(self, data: TrainingData, settings: TrainSettings, seed: int, moco: MoCoSettings) -> None:
        self.data, self.settings, self.moco = data, settings.pretrain, moco
        self.precision = settings.model.precision
        self.network = new_network(data, settings, seed)
        self.key_network = frozen_copy(self.network).train()
        self.generator = Generator().manual_seed(seed)
        num_images = int(data.is_trained.sum())
        num_steps = self.settings.num_epochs * math.ceil(num_images / self.settings.batch_size)
        self.momentum = max(0.0, min(moco.momentum, 1 - 10 / max(num_steps, 1)))
        queue_size = max(1, min(moco.queue_size, num_images // 2))
        queue = torch.randn(queue_size, self.settings.projection_size, generator=self.generator)
        self.queue = F.normalize(queue, dim=1).to(data.device)

    def weights(self) -> Mapping[str, Tensor]:
        pretrain = self.settings
        optimizer = make_optimizer(
            self.network.parameters(),
            "adamw",
            learning_rate=pretrain.learning_rate,
            weight_decay=pretrain.weight_decay,
        )
        for epoch in range(pretrain.num_epochs):
            set_learning_rate(optimizer, pretrain.learning_rate * cosine_decay(epoch / pretrain.num_epochs))
            batches = self.data.epoch_batches(pretrain.batch_size, self.generator)
            loss = train_epoch([self.network], optimizer, batches, self._batch_loss)
            if not math.isfinite(loss):
                raise ConfigError("MoCo diverged: its loss is no number; take a lower pretrain.learning_rate")
        return self.network.state_dict()

    def _batch_loss(self, index: Tensor) -> Tensor:
        images = self.data.images(index)
        query_view, key_view = (simclr_view(images, self.generator, flip=self.settings.flip) for _ in range(2))
        # Before a step rather than after the one before it (the momentum update): it comes to the same.
        follow(self.key_network, self.network, self.momentum)
        keys = self._keys(key_view)
        queries = self._project(self.network, query_view)
        loss = info_nce(queries, keys, self.queue, temperature=self.moco.temperature)
        self.queue = torch.cat([keys, self.queue])[: len(self.queue)]
        return loss

    @torch.no_grad()
    def _keys(self, images: Tensor) -> Tensor:
        """(B, P): each group of a shuffled batch by itself, then in the batch's order again."""
        order = torch.randperm(len(images), generator=self.generator).to(images.device)
        # At least two images in a group, for its statistics.
        num_groups = max(1, min(self.moco.num_groups, len(images) // 2))
        keys = [self._project(self.key_network, part) for part in images[order].tensor_split(num_groups)]
        return torch.cat(keys)[torch.argsort(order)]

    def _project(self, network: Network, images: Tensor) -> Tensor:
        """(B, P) float32, of unit length."""
        with autocast(self.data.device, self.precision):
            projected = network.project(images)
        return F.normalize(projected.float(), dim=1)
