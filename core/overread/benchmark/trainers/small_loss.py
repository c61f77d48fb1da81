"""What Co-teaching and JoCoR share: of a batch, the samples of small loss are trained on."""

import math

import torch
from torch import Tensor

from overread.benchmark.trainers.phase_length import phase_length
from overread.benchmark.trainers.training_problem import TrainingProblem
from overread.errors import ConfigError


def kept_share(epoch: int, *, noise_rate: float, num_gradual: int, exponent: float) -> float:
    """R(T): the share of each batch, in (0, 1], that is trained on in an epoch, from 1.

    It falls from 1 in the first epoch to 1 - noise_rate in the one after num_gradual more.
    Source: Han et al. 2018, "Co-teaching", R(T) = 1 - noise_rate min(T^exponent / num_gradual, 1); there T
    counts the epochs that are done.
    """
    return 1 - noise_rate * min((epoch - 1) ** exponent / num_gradual, 1)


def kept_share_of(problem: TrainingProblem, epoch: int, *, num_gradual: int, exponent: float) -> float:
    """R(T) for a problem; num_gradual is shortened by `phase_length`. Raises ConfigError without a noise rate."""
    if problem.noise_rate is None:
        raise ConfigError("noise_rate: not given; this method is told the share of wrong labels")
    num_gradual = phase_length(num_gradual, problem.recipe.num_epochs)
    return kept_share(epoch, noise_rate=problem.noise_rate, num_gradual=num_gradual, exponent=exponent)


def small_loss_places(losses: Tensor, share: float) -> Tensor:
    """The places (M,) int64 in a batch of the smallest losses (B,), smallest first; M is `share` of B, rounded up, and
    at least 1. Source: Han et al. 2018, its algorithm: at least R(T) |D| samples."""
    # Rounded first: 0.55 * 20 is above 11 in floating point.
    num_kept = max(1, math.ceil(round(share * len(losses), 6)))
    return torch.argsort(losses.detach(), stable=True)[:num_kept]
