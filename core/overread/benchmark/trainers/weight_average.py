"""A second network whose weights follow those of the first: a teacher, or the encoder of keys."""

import copy

import torch

from overread.models.network import Network


def frozen_copy(network: Network) -> Network:
    """The same weights in a network that learns nothing by itself."""
    return copy.deepcopy(network).requires_grad_(False)


@torch.no_grad()
def follow(average: Network, network: Network, decay: float) -> None:
    """Move the average's weights, and its statistics of batches, towards the network's: average = decay average +
    (1 - decay) network. decay: in [0, 1]. In place."""
    for averaged, current in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if averaged.is_floating_point():
            averaged.lerp_(current, 1 - decay)
        else:
            averaged.copy_(current)
