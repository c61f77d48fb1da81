"""Mixup: what a network is trained on lies between two samples.

Source: Zhang, Cisse, Dauphin, Lopez-Paz 2018, "mixup: Beyond Empirical Risk Minimization"; with the larger share first,
Berthelot et al. 2019, "MixMatch".
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor


@dataclass(frozen=True)
class Mix:
    """Which sample of a batch goes into which other one, and how much of it."""

    share: float
    """In [0.5, 1]: of the sample itself."""
    partner: Tensor
    """(B,) int64 places in the batch, on the CPU."""

    def of(self, values: Tensor) -> Tensor:
        """Images or targets of the batch (B, ...), mixed."""
        return self.share * values + (1 - self.share) * values[self.partner.to(values.device, non_blocking=True)]


def draw_mix(num_samples: int, alpha: float, generator: Generator) -> Mix:
    """A share from Beta(alpha, alpha), or 1 minus it where that is larger, one for the batch, and a permutation."""
    # torch draws from a beta distribution without a generator of one's own.
    rng = np.random.default_rng(int(torch.randint(2**62, (), generator=generator)))
    share = float(rng.beta(alpha, alpha))
    return Mix(max(share, 1 - share), torch.randperm(num_samples, generator=generator))


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """(B,), at least 0: the cross-entropy of targets that are distributions. logits, targets: (B, K)."""
    return -(targets * logits.log_softmax(dim=1)).sum(dim=1)
