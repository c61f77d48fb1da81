"""Stage-wise consensus: samples for which the model is confident of the same class at every stage."""

from dataclasses import dataclass

import numpy as np

from overread.errors import ConfigError
from overread.network_settings import RoundsSettings
from overread.training.thresholds import class_thresholds


@dataclass(frozen=True)
class Consensus:
    """What a round of refinement makes of every sample."""

    pseudo_labels: np.ndarray
    """(N,) int64 class indices: the label that the next epochs train on."""
    is_reliable: np.ndarray
    """(S, N) bool: the loss lay below the threshold at that stage."""
    is_consensus: np.ndarray
    """(N,) bool: reliable at every stage, with the same class at each."""


def stage_losses(
    stage_probs: np.ndarray, given: np.ndarray, *, reliability: str = "predicted"
) -> tuple[np.ndarray, np.ndarray]:
    """The loss of each sample at each stage that its reliability follows from, and the class whose loss it is.

    stage_probs: (S, N, K) float, rows sum to 1; given: (N,) int64. reliability: "predicted" takes the loss of the
    predicted class, -log max p; "given" that of the given label. Returns losses (S, N) in nats, at least 0, of
    stage_probs' dtype, and classes (S, N) int64.
    """
    classes = stage_probs.argmax(axis=2) if reliability == "predicted" else np.tile(given, (len(stage_probs), 1))
    confidence = np.take_along_axis(stage_probs, classes[:, :, None], axis=2).squeeze(2)
    return -np.log(np.clip(confidence, np.finfo(np.float32).tiny, 1.0)), classes


def stage_consensus(
    stage_probs: np.ndarray,
    given: np.ndarray,
    *,
    max_loss: float | np.ndarray,
    reliability: str = "predicted",
    fallback: str = "given",
    current: np.ndarray | None = None,
) -> Consensus:
    """Pseudo-labels from the predictions of a round's stages.

    stage_probs: (S, N, K) float, rows sum to 1; given: (N,) int64 given labels; max_loss: the loss
    below which a sample is reliable, in nats: one number (the paper's is "a preset threshold", without its value), or
    (S, N), of each sample at each stage. reliability: whose loss, as in `stage_losses`. A sample without consensus
    falls back to its given label, or with fallback="current" to `current`: (N,) int64.
    Raises ConfigError if S < 1 or the shapes do not fit.
    Source: Bala, Gupta, Sethi, section 2, "Consensus-Based Pseudo-Labeling".
    """
    if stage_probs.ndim != 3 or len(stage_probs) < 1 or stage_probs.shape[1] != len(given):
        raise ConfigError(f"stage_probs must be (S >= 1, N = {len(given)}, K); found {stage_probs.shape}")
    votes = stage_probs.argmax(axis=2)
    losses, _ = stage_losses(stage_probs, given, reliability=reliability)
    is_reliable = losses < max_loss
    is_consensus = is_reliable.all(axis=0) & (votes == votes[0]).all(axis=0)
    base = current if fallback == "current" and current is not None else given
    return Consensus(np.where(is_consensus, votes[0], base).astype(np.int64), is_reliable, is_consensus)


def round_consensus(
    stage_probs: np.ndarray, given: np.ndarray, is_trained: np.ndarray, rounds: RoundsSettings, current: np.ndarray
) -> Consensus:
    """The consensus of a round with the threshold that the settings ask for; arguments as for `stage_consensus`.

    is_trained: (N,) bool, the samples whose losses an adaptive threshold is estimated from, by stage and class.
    """
    max_loss: float | np.ndarray = rounds.max_loss
    if rounds.threshold != "fixed":
        losses, classes = stage_losses(stage_probs, given, reliability=rounds.reliability)
        by_class = [
            class_thresholds(
                of_stage[is_trained],
                its_classes[is_trained],
                stage_probs.shape[2],
                method=rounds.threshold,
                fixed=rounds.max_loss,
                quantile=rounds.quantile,
            )
            for of_stage, its_classes in zip(losses, classes, strict=True)
        ]
        max_loss = np.take_along_axis(np.stack(by_class), classes, axis=1)
    return stage_consensus(
        stage_probs,
        given,
        max_loss=max_loss,
        reliability=rounds.reliability,
        fallback=rounds.fallback,
        current=current,
    )
