"""Makes the network of a training."""

import torch

from overread.config import TrainSettings
from overread.models.network import Network
from overread.training.training_data import TrainingData, pixel_statistics


def new_network(data: TrainingData, settings: TrainSettings, seed: int) -> Network:
    """A network for the data's images with the weights that `seed` draws, on the data's device."""
    mean, std = pixel_statistics(data)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Network(
            settings.model.encoder,
            mean=mean,
            std=std,
            num_classes=data.num_classes,
            projection_size=settings.pretrain.projection_size,
            has_small_stem=settings.model.has_small_stem,
        )
    return network.to(data.device).to(memory_format=torch.channels_last)
