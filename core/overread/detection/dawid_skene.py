"""The model of Dawid and Skene: true classes and raters' confusion matrices, estimated from each other."""

from dataclasses import dataclass

import numpy as np

MISSING = -1
"""A missing vote."""


@dataclass(frozen=True)
class RaterModel:
    """A fitted model."""

    posterior: np.ndarray
    """(N, K) float32, rows sum to 1: the probability of each class given the votes; the priors for a sample without
    votes."""
    priors: np.ndarray
    """(K,) float64, sum 1: the frequency of each class among the rated samples."""
    confusion: np.ndarray
    """(R, K, K) float64, [rater, true class, vote]: the probability of the vote; rows sum to 1."""
    num_steps: int
    has_converged: bool


def dawid_skene(
    votes: np.ndarray, num_classes: int, *, smoothing: float = 1.0, max_steps: int = 200, tolerance: float = 1e-6
) -> RaterModel:
    """Fit the model by expectation maximisation, starting from the shares of the votes.

    votes: (N, R) int64, class indices or MISSING. smoothing: at least 0, pseudo-votes added to each row of each
    confusion matrix, spread evenly, so that a single vote in a class is no proof. It stops when the log-likelihood
    (with smoothing, the log posterior) per rated sample rises by less than `tolerance` nats, or after `max_steps`.
    With two raters it cannot say which of them is the more accurate, only how each errs by class.
    Source: Dawid and Skene 1979, "Maximum likelihood estimation of observer error-rates using the EM algorithm".
    """
    num_samples, num_raters = votes.shape
    is_rated = (votes != MISSING).any(axis=1)
    # (N_rated, R, K): one-hot, and all zeros where a vote is missing.
    said = (votes[is_rated][:, :, None] == np.arange(num_classes)).astype(np.float64)
    counts = said.sum(axis=1)
    posterior = counts / counts.sum(axis=1, keepdims=True)
    flat = said.reshape(len(said), num_raters * num_classes)
    last, num_steps, has_converged = -np.inf, 0, len(said) == 0
    priors = np.full(num_classes, 1 / num_classes)
    confusion = np.full((num_raters, num_classes, num_classes), 1 / num_classes)
    while not has_converged and num_steps < max_steps:
        num_steps += 1
        priors = posterior.mean(axis=0)
        tallies = (posterior.T @ flat).reshape(num_classes, num_raters, num_classes).transpose(1, 0, 2)
        tallies = np.maximum(tallies + smoothing / num_classes, 1e-10)
        confusion = tallies / tallies.sum(axis=2, keepdims=True)
        log_confusion = np.log(confusion)
        by_class = log_confusion.transpose(1, 0, 2).reshape(num_classes, -1)
        joint = flat @ by_class.T + np.log(np.maximum(priors, 1e-10))
        highest = joint.max(axis=1, keepdims=True)
        likelihoods = np.exp(joint - highest)
        totals = likelihoods.sum(axis=1, keepdims=True)
        posterior = likelihoods / totals
        reached = (np.log(totals) + highest).mean() + smoothing / num_classes * log_confusion.sum() / len(said)
        has_converged = bool(reached - last < tolerance)
        last = reached
    full = np.tile(priors, (num_samples, 1))
    full[is_rated] = posterior
    return RaterModel(full.astype(np.float32), priors, confusion, num_steps, has_converged)
