"""Symmetric cross-entropy: a loss that a wrong label can raise only so far, beside a little plain cross-entropy.

Source: Wang, Ma, Chen, Luo, Yi, Bailey 2019, "Symmetric Cross Entropy for Robust Learning with Noisy Labels".
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from overread.benchmark.trainers.network_training import Batch, final_outcome, train_network
from overread.benchmark.trainers.training_problem import TrainingOutcome, TrainingProblem

LOG_OF_ZERO = -4.0
"""What the paper calls A: the logarithm of a label's probability of 0."""
FEW_CLASSES = (0.1, 1.0)
"""alpha and beta for CIFAR-10."""
MANY_CLASSES = (6.0, 0.1)
"""alpha and beta for CIFAR-100."""
MANY_FROM = 100
"""Classes from which the second pair is taken."""


def symmetric_cross_entropy(
    logits: Tensor, targets: Tensor, *, alpha: float, beta: float, log_of_zero: float = LOG_OF_ZERO
) -> Tensor:
    """alpha times the cross-entropy of the prediction p given the label q, plus beta times that of q given p.

    logits: (B, K); targets: (B,) int64; log_of_zero: below 0. Returns (B,) float32, at least 0.
    Source: the paper's loss SL. As q is one-hot, the reverse term -sum_k p_k log q_k is -A (1 - p_target).
    """
    forward = F.cross_entropy(logits.float(), targets, reduction="none")
    reverse = -log_of_zero * (1 - torch.exp(-forward))
    return alpha * forward + beta * reverse


def train_by_symmetric_cross_entropy(problem: TrainingProblem) -> TrainingOutcome:
    alpha, beta = MANY_CLASSES if problem.data.num_classes >= MANY_FROM else FEW_CLASSES

    def loss(logits: Tensor, batch: Batch) -> Tensor:
        return symmetric_cross_entropy(logits, batch.targets, alpha=alpha, beta=beta).mean()

    return final_outcome(problem, train_network(problem, loss))
