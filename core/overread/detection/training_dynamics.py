"""Scores from training dynamics: a label that is learnt late, forgotten or held by a small margin is more likely
wrong."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from overread.detection.detection_data import DetectionData
from overread.detection_settings import DynamicsSettings


@dataclass(frozen=True)
class Dynamics:
    """Three scores of every sample; each (N,) float32 in [0, 1], higher is more likely wrong."""

    epoch_learnt: np.ndarray
    """The share of epochs before the given label becomes the prediction for good: 0 if it is from the first epoch on,
    1 if it isn't in the last."""
    forgetting: np.ndarray
    """How often an epoch that predicts the given label is followed by one that doesn't, divided by the most times that
    this can happen; 1 if it is never predicted. Source: Toneva et al. 2019."""
    margin_area: np.ndarray
    """1 / (1 + exp(m)) with m the mean margin over the epochs; above 1/2 if another class was ahead on average.
    Source: Pleiss et al. 2020, "Identifying mislabeled data using the area under the margin ranking"."""


def training_dynamics(margins: np.ndarray) -> Dynamics:
    """The scores from the margins at each epoch or stage.

    margins: (S >= 1, N) float, in nats: the given label's logit minus the highest other one, from
    `head_margins`. A margin of 0 counts as not learnt.
    """
    is_learnt = margins > 0
    num_epochs = len(margins)
    # The length of the unbroken run of learnt epochs at the end.
    num_last = np.cumprod(is_learnt[::-1], axis=0).sum(axis=0)
    num_forgotten = (is_learnt[:-1] & ~is_learnt[1:]).sum(axis=0)
    forgetting = np.where(is_learnt.any(axis=0), num_forgotten / max(num_epochs // 2, 1), 1)
    mean = margins.mean(axis=0, dtype=np.float64).clip(-80, 80)
    scores = ((num_epochs - num_last) / num_epochs, forgetting, 1 / (1 + np.exp(mean)))
    return Dynamics(*(score.astype(np.float32) for score in scores))


def head_margins(data: DetectionData, settings: DynamicsSettings, *, seed: int) -> np.ndarray:
    """The margins after each epoch of `head_epochs`: (num_epochs, N) float32, in nats. Arguments as for that."""
    return np.stack([_margins(logits, data.given) for logits in head_epochs(data, settings, seed=seed)])


def head_epochs(data: DetectionData, settings: DynamicsSettings, *, seed: int) -> Iterator[np.ndarray]:
    """The logits of every sample, (N, K) float32, after each epoch of a linear softmax head that is trained on frozen
    features by stochastic gradient descent.

    Samples that may not be fitted on are only predicted. Features are standardised and scaled to a mean squared length
    of 1, so that one learning rate suits all; batches are shuffled by `seed`.
    """
    rng = np.random.default_rng(seed)
    features, given = np.asarray(data.features, dtype=np.float32), data.given
    trained = data.trained
    features = features - features[trained].mean(axis=0)
    features /= np.maximum(features[trained].std(axis=0), 1e-6) * np.sqrt(features.shape[1], dtype=np.float32)
    features = np.concatenate([features, np.ones((len(features), 1), dtype=np.float32)], axis=1)
    weights = np.zeros((features.shape[1], data.num_classes), dtype=np.float32)
    velocity = np.zeros_like(weights)
    for _ in range(settings.num_epochs):
        shuffled = rng.permutation(trained)
        for batch in np.array_split(shuffled, max(1, len(trained) // settings.batch_size)):
            inputs = features[batch]
            logits = inputs @ weights
            gradient = np.exp(logits - logits.max(axis=1, keepdims=True))
            gradient /= gradient.sum(axis=1, keepdims=True)
            gradient[np.arange(len(batch)), given[batch]] -= 1
            velocity = settings.momentum * velocity - settings.learning_rate / len(batch) * (inputs.T @ gradient)
            weights += velocity
        yield features @ weights


def _margins(logits: np.ndarray, given: np.ndarray) -> np.ndarray:
    rows = np.arange(len(given))
    own = logits[rows, given]
    others = logits.copy()
    others[rows, given] = -np.inf
    return (own - others.max(axis=1)).astype(np.float32)
