"""Optimisers by name, and the rate at which they learn."""

import math
from collections.abc import Iterable

from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer

MOMENTUM = 0.9
"""Of SGD."""


def make_optimizer(parameters: Iterable[Tensor], name: str, *, learning_rate: float, weight_decay: float) -> Optimizer:
    """name: one of `network_settings.OPTIMIZERS`. Raises ValueError for another."""
    match name:
        case "adamw":
            return AdamW(parameters, lr=learning_rate, weight_decay=weight_decay, fused=True)
        case "adam":
            return Adam(parameters, lr=learning_rate, weight_decay=weight_decay, fused=True)
        case "sgd":
            return SGD(parameters, lr=learning_rate, weight_decay=weight_decay, momentum=MOMENTUM, fused=True)
    raise ValueError(f"{name!r} is no optimiser")


def set_learning_rate(optimizer: Optimizer, learning_rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def cosine_decay(share: float) -> float:
    """The factor of the learning rate when `share` of the epochs, in [0, 1], is done: from 1 to 0, without restarts.
    Source: Loshchilov and Hutter 2017, "SGDR", equation 5."""
    return 0.5 * (1 + math.cos(math.pi * share))
