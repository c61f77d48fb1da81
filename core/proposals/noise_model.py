"""How the given labels came about, estimated from them alone: what the image shows, and how that is mislabelled.

A given label is taken as drawn in two steps: the true class from a classifier's probabilities, sharpened; then the
given one, either from a transition matrix or, where the image leaves doubt, from the same probabilities once more.
All of it is fitted by the likelihood of the given labels under probabilities that never saw them: confident
predictions that are contradicted all the same speak for wrong labels, contradictions where the classifier is unsure
for its limits. The posterior is the probability of each class given image *and* label.

Two things no likelihood can tell, and are settled beforehand. Labels wrong only where the image is unclear look like
a classifier that isn't better: so where the matrix explains few errors, doubt is given its share (`DOUBT_SCALE`). And
a blunt classifier looks like more noise: of all sharpnesses within a standard error of the likeliest the sharpest is
taken, for an image has one true class.
Sources: Dawid and Skene 1979 (the transition matrix by expectation maximisation); Goldberger and Ben-Reuven 2017,
"Training deep neural networks using a noise adaptation layer".
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

DOUBT_SCALE = 0.06
"""Share of wrong labels, as the transition matrix alone explains them, at which doubt has a share of 1 / e."""
DOUBT_LIMIT = 0.12
"""Share of all labels that doubt alone may make wrong: a poor classifier leaves doubt nearly everywhere. Both numbers
were chosen by calibration against true labels, out of eleven rules tried on 22 cases: two chest and lung sets with made
noise and CIFAR-10N, on two kinds of features."""
_SHARPNESS = np.geomspace(0.5, 16, 16)
_NUM_FIRST_STEPS = 40
_NUM_STEPS = 20
"""Of expectation maximisation, at the first sharpness and at each further one."""
SHRINKAGE = 200
"""Samples that noise of the overall rate, the same for every wrong class, counts for in a class's row of the matrix."""
_PRIOR = 2.0
"""Samples of each class that are taken to be labelled right beforehand."""
_SMALLEST = 1e-6


@dataclass(frozen=True)
class NoiseModel:
    """A fitted model."""

    sharpness: float
    """The power to which the classifier's probabilities are raised, above 0."""
    transition: np.ndarray
    """(K, K) float64: row j holds the probabilities of each given label where the true class is j."""
    doubt: float = 0.0
    """In [0, 1]: share of the labels that are drawn from what the image shows, whatever the true class."""

    def class_probs(self, probs: np.ndarray) -> np.ndarray:
        """(N, K) float64: what the image shows, whatever its label. probs: (N, K), rows sum to 1."""
        logits = self.sharpness * np.log(np.maximum(np.asarray(probs, dtype=np.float64), _SMALLEST))
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def posterior(self, probs: np.ndarray, given: np.ndarray) -> np.ndarray:
        """(N, K) float64: the probability of each class given the image and its given label. given: (N,) int64."""
        joint = self._joint(probs, given)
        return joint / joint.sum(axis=1, keepdims=True)

    def log_probs(self, probs: np.ndarray, given: np.ndarray) -> np.ndarray:
        """(N,) float64: the log probability of each given label, in nats."""
        return np.log(self._joint(probs, given).sum(axis=1))

    def _joint(self, probs: np.ndarray, given: np.ndarray) -> np.ndarray:
        shown = self.class_probs(probs)
        as_shown = shown[np.arange(len(given)), given][:, None]
        joint = shown * ((1 - self.doubt) * self.transition[:, given].T + self.doubt * as_shown)
        return np.maximum(joint, np.finfo(float).tiny)


def fit_noise_model(probs: np.ndarray, given: np.ndarray) -> NoiseModel:
    """The model that the given labels speak for.

    probs: (N, K) float, rows sum to 1, from models that never saw the sample's label; given: (N,) int64.
    """
    certain = fit_without_doubt(probs, given)
    error_rate, contradicted = (
        1 - shown[np.arange(len(given)), given].mean()
        for shown in (certain.posterior(probs, given), certain.class_probs(probs))
    )
    doubt = min(np.exp(-error_rate / DOUBT_SCALE), DOUBT_LIMIT / max(contradicted, _SMALLEST))
    model = _fit_sharpness(probs, given, doubt=float(doubt))
    return replace(model, transition=_drawn_together(model.transition, model.posterior(probs, given).sum(axis=0)))


def fit_without_doubt(probs: np.ndarray, given: np.ndarray) -> NoiseModel:
    """The likeliest model that leaves doubt out: by its likelihood the probabilities of several classifiers can be
    compared. That of `fit_noise_model` would favour whichever leaves the most to doubt."""
    return _fit_sharpness(probs, given, doubt=0.0)


def _drawn_together(transition: np.ndarray, class_counts: np.ndarray) -> np.ndarray:
    """Each class's row drawn towards noise of the overall rate, the more so the fewer samples it comes from. Done at
    the end: in the search for the likeliest model a rate that is too low would pull itself lower still."""
    num_classes = len(transition)
    rate = 1 - class_counts @ transition.diagonal() / class_counts.sum()
    even = np.full_like(transition, rate / max(num_classes - 1, 1))
    np.fill_diagonal(even, 1 - rate)
    share = SHRINKAGE / (SHRINKAGE + class_counts[:, None])
    return share * even + (1 - share) * transition


def _fit_sharpness(probs: np.ndarray, given: np.ndarray, *, doubt: float) -> NoiseModel:
    """The sharpest model that is as likely as the likeliest, to a standard error."""
    num_classes = probs.shape[1]
    transition = np.full((num_classes, num_classes), 0.1 / max(num_classes - 1, 1))
    np.fill_diagonal(transition, 0.9)
    models, log_probs = [], []
    for number, sharpness in enumerate(_SHARPNESS):
        # The likeliest transition changes little with the sharpness: what the last one ended with is nearly there.
        num_steps = _NUM_STEPS if number else _NUM_FIRST_STEPS
        transition = _fit_transition(probs, given, NoiseModel(float(sharpness), transition, doubt), num_steps)
        models.append(NoiseModel(float(sharpness), transition, doubt))
        log_probs.append(models[-1].log_probs(probs, given))
    best = int(np.argmax([values.mean() for values in log_probs]))
    for model, values in zip(reversed(models[best:]), reversed(log_probs[best:]), strict=True):
        if is_as_likely(values, log_probs[best]):
            return model
    return models[best]


def is_as_likely(log_probs: np.ndarray, best: np.ndarray) -> bool:
    """Whether the mean of some log probabilities lies within a standard error of the difference to the best ones.
    Both (N,), of the same samples."""
    behind = best - log_probs
    return bool(behind.mean() <= behind.std() / np.sqrt(len(behind)))


def _fit_transition(probs: np.ndarray, given: np.ndarray, start: NoiseModel, num_steps: int) -> np.ndarray:
    """(K, K): the likeliest transition, by steps of expectation maximisation from that of `start`."""
    num_classes = probs.shape[1]
    # Sorted by given label, the sums over each are those of slices.
    order = np.argsort(given, kind="stable")
    shown = start.class_probs(probs[order])
    bounds = np.searchsorted(given[order], np.arange(num_classes + 1))
    parts = [shown[start:end] for start, end in pairwise(bounds)]
    transition = start.transition
    for _ in range(num_steps):
        counts = _PRIOR * np.eye(num_classes)
        for label, part in enumerate(parts):
            # The sum over samples of each class's share in a label's probability is a product with 1 / that.
            column = (1 - start.doubt) * transition[:, label]
            totals = part @ column + start.doubt * part[:, label]
            counts[:, label] += column * (1 / np.maximum(totals, _SMALLEST**2) @ part)
        transition = counts / counts.sum(axis=1, keepdims=True)
    return transition
