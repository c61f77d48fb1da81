"""Forward correction: the network's prediction of the true class is led through an estimate of how classes are
confused before it is compared with the given label.

Source: Patrini, Rozza, Menon, Nock, Qu 2017, "Making Deep Neural Networks Robust to Label Noise: a Loss Correction
Approach".
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from overread.benchmark.trainers.cross_entropy import cross_entropy_network
from overread.benchmark.trainers.network_training import Batch, final_outcome, predict_probs, train_network
from overread.benchmark.trainers.training_problem import TrainingOutcome, TrainingProblem

ANCHOR_PERCENTILE = 97.0
"""For CIFAR-100: with many classes, and few images of each, the most confident image of a class may be an outlier."""
MANY_FROM = 100
"""Classes from which the percentile is taken instead of the maximum."""
_MIN_TRANSITION = 1e-8
"""A network may be so sure that a probability is 0 to float32: its logarithm must stay finite."""


def anchor_transition(probs: np.ndarray, percentile: float = 100.0) -> np.ndarray:
    """The transition matrix T, T[i, j] the probability that class i is given label j, from each class's anchor point.

    probs: (N, K), rows sum to 1, of a network fitted to the given labels. A class's anchor is the sample most sure to
    be of it, or with a percentile below 100 the most sure one below that percentile of the class's column; its row of
    `probs` is the class's row of T. Returns (K, K) float32, rows sum to 1. Source: its estimate of T.
    """
    columns = probs.astype(np.float64)
    if percentile < 100:
        columns = np.where(columns < np.percentile(columns, percentile, axis=0), columns, -1)
    return probs[columns.argmax(axis=0)].astype(np.float32)


def forward_corrected_loss(logits: Tensor, targets: Tensor, transition: Tensor) -> Tensor:
    """Minus the log of the probability (T' p)_target that the given label would have.

    logits: (B, K); targets: (B,) int64; transition: (K, K), rows sum to 1. Returns (B,) float32, at least 0.
    Source: the forward correction.
    """
    log_probs = F.log_softmax(logits.float(), dim=1)
    log_transition = transition.clamp_min(_MIN_TRANSITION).log()
    return -torch.logsumexp(log_probs + log_transition.T[targets], dim=1)


def train_with_forward_correction(problem: TrainingProblem) -> TrainingOutcome:
    """A network on the given labels gives T, and another, from the same start, is trained with it. Both take the
    recipe's epochs."""
    data = problem.data
    percentile = ANCHOR_PERCENTILE if data.num_classes >= MANY_FROM else 100.0
    probs = predict_probs(problem, cross_entropy_network(problem), np.flatnonzero(data.is_trained))
    transition = torch.from_numpy(anchor_transition(probs, percentile)).to(data.device)

    def loss(logits: Tensor, batch: Batch) -> Tensor:
        return forward_corrected_loss(logits, batch.targets, transition).mean()

    return final_outcome(problem, train_network(problem, loss))
