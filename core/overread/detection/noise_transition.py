"""How the given labels came about, estimated from them alone: what the image shows, and how that is mislabelled.

A given label is taken as drawn in three steps: the true class from a classifier's probabilities, sharpened; what a
labeller saw from the true class, blurred towards what the classifier leaves open; the label from that by a transition
matrix. The likelihood of the given labels under probabilities that never saw them tells sharpness and transition:
confident predictions that are contradicted all the same speak for wrong labels. It says nothing of the blur: labels
that are wrong only where an image is unclear look like a classifier that is no better, and are told from it by how
many labels are wrong (`noise_rate`). The posterior is the probability of each class given image *and* label.

A blunt classifier looks like more noise: of all sharpnesses within a standard error of the likeliest the sharpest is
taken, for an image has one true class.
Sources: Dawid and Skene 1979 (the transition matrix by expectation maximisation); Goldberger and Ben-Reuven 2017,
"Training deep neural networks using a noise adaptation layer".
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

LARGEST_BLUR = 8.0
"""There the class that an image shows best has a probability of nearly one."""
_REDRAWN = 0.5
"""Share of the labels that a large blur redraws even where it leaves the image as clear as it was."""
SHARPNESS = np.geomspace(16, 0.5, 16)
NUM_FIRST_STEPS = 40
_NUM_STEPS = 20
"""Of expectation maximisation, at the first sharpness and at each further one."""
SHRINKAGE = 200
"""Samples that noise of the overall rate, the same for every wrong class, counts for in a class's row of the matrix."""
EVENING = 1.0
"""Wrong labels of each kind, from one class to another, that are added where a class's are shared out among them."""
_PRIOR = 2.0
"""Samples of each class that are taken to be labelled right beforehand."""
_SMALLEST = 1e-6


@dataclass(frozen=True)
class NoiseModel:
    """A fitted model."""

    sharpness: float
    """The power to which the classifier's probabilities are raised, above 0."""
    transition: np.ndarray
    """(K, K) float64: row j holds the probabilities of each given label where class j was seen."""
    blur: float = 0.0
    """In [0, LARGEST_BLUR]: how much clearer the true classes are than what was seen of them."""

    def class_probs(self, probs: np.ndarray) -> np.ndarray:
        """(N, K) float64: what is seen in the image, whatever its label. probs: (N, K), rows sum to 1."""
        logits = self.sharpness * np.log(np.maximum(np.asarray(probs, dtype=np.float64), _SMALLEST))
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def posterior(self, probs: np.ndarray, given: np.ndarray) -> np.ndarray:
        """(N, K) float64: the probability of each class given the image and its given label. given: (N,) int64."""
        true, redrawn = self.unblurred(self.class_probs(probs))
        joint = np.maximum(true * self.label_probs(redrawn, given), np.finfo(float).tiny)
        return joint / joint.sum(axis=1, keepdims=True)

    def log_probs(self, probs: np.ndarray, given: np.ndarray) -> np.ndarray:
        """(N,) float64: the log probability of each given label, in nats. The blur doesn't change it."""
        seen = (self.class_probs(probs) * self.transition[:, given].T).sum(axis=1)
        return np.log(np.maximum(seen, np.finfo(float).tiny))

    def unblurred(self, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the probabilities of each class seen, (N, K): those of each true class, and those with which a class is
        drawn anew instead of it, whose rows sum to at most 1. seen = true * (1 - sum of redrawn) + redrawn."""
        seen = np.maximum(seen, _SMALLEST)
        seen /= seen.sum(axis=1, keepdims=True)
        true = np.maximum(seen ** (1 + self.blur**2 / 4), np.finfo(float).tiny)
        true /= true.sum(axis=1, keepdims=True)
        # As many true classes as possible are seen as they are, but for a share that may be redrawn as they are too.
        kept = np.minimum(seen / true, 1).min(axis=1, keepdims=True) * (1 - _REDRAWN * self.blur / (1 + self.blur))
        return true, np.maximum(seen - kept * true, 0)

    def label_probs(self, redrawn: np.ndarray, given: np.ndarray) -> np.ndarray:
        """(N, K) float64: the probability of the given label where each class is the true one. redrawn: (N, K), as
        `unblurred` gives it."""
        by_class = self.transition[:, given].T
        return (1 - redrawn.sum(axis=1, keepdims=True)) * by_class + (redrawn * by_class).sum(axis=1, keepdims=True)

    def error_rate(self, probs: np.ndarray, given: np.ndarray) -> float:
        """The expected share of wrong labels, in [0, 1]."""
        return float(1 - self.posterior(probs, given)[np.arange(len(given)), given].mean())


def fit_noise_model(probs: np.ndarray, given: np.ndarray, *, num_errors: float = 1.0) -> NoiseModel:
    """The model, without blur, that the given labels speak for.

    probs: (N, K) float, rows sum to 1, from models that never saw the sample's label; given: (N,) int64. num_errors:
    as `fit_for_likelihood` takes it.
    """
    model = fit_for_likelihood(probs, given, num_errors=num_errors)
    return replace(model, transition=drawn_together(model.transition, model.posterior(probs, given).sum(axis=0)))


def blurred(model: NoiseModel, probs: np.ndarray, given: np.ndarray, rate: float) -> NoiseModel:
    """The model with the least blur under which a share `rate` of the labels, in [0, 1], is expected to be wrong; with
    the largest where none goes that far."""

    def falls_short(blur: float) -> bool:
        return replace(model, blur=blur).error_rate(probs, given) < rate

    low, high = 0.0, LARGEST_BLUR
    if not falls_short(low):
        return model
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (middle, high) if falls_short(middle) else (low, middle)
    return replace(model, blur=high)


def fit_for_likelihood(probs: np.ndarray, given: np.ndarray, *, num_errors: float = 1.0) -> NoiseModel:
    """The sharpest model that is as likely as the likeliest, to so many standard errors, its transition as likely as
    can be: by its likelihood the probabilities of several classifiers can be compared."""
    transition = first_transition(probs.shape[1])
    models, log_probs = [], []
    for number, sharpness in enumerate(SHARPNESS):
        # The likeliest transition changes little with the sharpness: what the last one ended with is nearly there. From
        # the sharpest down: a blunt model needs no wrong labels, and from none the steps would find no way back.
        num_steps = _NUM_STEPS if number else NUM_FIRST_STEPS
        transition = _fit_transition(probs, given, NoiseModel(float(sharpness), transition), num_steps)
        models.append(NoiseModel(float(sharpness), transition))
        log_probs.append(models[-1].log_probs(probs, given))
    best = int(np.argmax([values.mean() for values in log_probs]))
    return next(
        model
        for model, values in zip(models, log_probs, strict=True)
        if is_as_likely(values, log_probs[best], num_errors=num_errors)
    )


def drawn_together(transition: np.ndarray, class_counts: np.ndarray) -> np.ndarray:
    """The transition (K, K), each class's row drawn towards noise of the overall rate, the more so the fewer samples it
    comes from. class_counts: (K,). Done at the end: in the search for the likeliest model a rate that is too low would
    pull itself lower still."""
    num_classes = len(transition)
    rate = 1 - class_counts @ transition.diagonal() / class_counts.sum()
    even = np.full_like(transition, rate / max(num_classes - 1, 1))
    np.fill_diagonal(even, 1 - rate)
    share = SHRINKAGE / (SHRINKAGE + class_counts[:, None])
    return share * even + (1 - share) * transition


def is_as_likely(log_probs: np.ndarray, best: np.ndarray, *, num_errors: float = 1.0) -> bool:
    """Whether the mean of some log probabilities lies within so many standard errors of the difference to the best
    ones. Both (N,), of the same samples."""
    behind = best - log_probs
    return bool(behind.mean() <= num_errors * behind.std() / np.sqrt(len(behind)))


def _fit_transition(probs: np.ndarray, given: np.ndarray, start: NoiseModel, num_steps: int) -> np.ndarray:
    """(K, K): the likeliest transition, by steps of expectation maximisation from that of `start`."""
    parts = by_label(start.class_probs(probs), given)
    transition = start.transition
    for _ in range(num_steps):
        transition = likeliest_transition(explained(parts, transition)[0])
    return transition


def first_transition(num_classes: int) -> np.ndarray:
    """(K, K): where expectation maximisation begins."""
    transition = np.full((num_classes, num_classes), 0.1 / max(num_classes - 1, 1))
    np.fill_diagonal(transition, 0.9)
    return transition


def by_label(shown: np.ndarray, given: np.ndarray) -> list[np.ndarray]:
    """What images show, (N, K), in a part (n, K) for each given label: the sums over each are those of slices."""
    order = np.argsort(given, kind="stable")
    bounds = np.searchsorted(given[order], np.arange(shown.shape[1] + 1))
    shown = shown[order]
    return [shown[start:end] for start, end in pairwise(bounds)]


def explained(parts: list[np.ndarray], transition: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How often each class is expected to have had each label, (K, K), and the labels' probabilities, (N,), in the
    order of `parts`, which are those of `by_label`."""
    counts, totals = np.empty_like(transition), []
    for label, part in enumerate(parts):
        # The sum over samples of each class's share in a label's probability is a product with 1 / that.
        column = transition[:, label]
        totals.append(np.maximum(part @ column, _SMALLEST**2))
        counts[:, label] = column * (1 / totals[-1] @ part)
    return counts, np.concatenate(totals)


def likeliest_transition(counts: np.ndarray) -> np.ndarray:
    """(K, K): the transition under which each class's labels, counted (K, K), are likeliest."""
    counts = counts + _PRIOR * np.eye(len(counts))
    return _evened(counts) / counts.sum(axis=1, keepdims=True)


def _evened(counts: np.ndarray) -> np.ndarray:
    """(K, K): each class's wrong labels drawn towards all other classes alike, the more so the fewer they are: a matrix
    of as many numbers as there are labels would explain each of them as an error of its own kind."""
    num_wrong = counts.sum(axis=1, keepdims=True) - counts.diagonal()[:, None]
    drawn = num_wrong * (counts + EVENING) / (num_wrong + EVENING * max(len(counts) - 1, 1))
    np.fill_diagonal(drawn, counts.diagonal())
    return drawn
