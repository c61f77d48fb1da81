"""The noise model: how the given labels arose, estimated from the labels and out-of-fold class probabilities.

A given label is modelled in three steps:

1. The true class is drawn from the classifier's probabilities, after temperature scaling and, where wrong labels go
   one way, with an offset for each class (`class_offsets.py`).
2. The annotator perceives a class: the true one or, with instance-dependent noise, one drawn from what the classifier
   leaves open. Ambiguous images are therefore confused more often.
3. The given label is drawn from the perceived class by a transition matrix (class-conditional noise).

The likelihood of the given labels determines temperature and transition: confident predictions that labels contradict
are evidence of wrong labels. It does not determine the instance-dependent noise. Labels that are wrong only on
ambiguous images look like a less accurate classifier; an estimate of the error rate from elsewhere (`error_rate.py`)
tells the two apart. The posterior is the probability of each true class given the image and its label.

An underconfident classifier looks like label noise. Of all temperatures whose likelihood is within a standard error of
the best, the lowest is taken, because an image has one true class.
Sources: Dawid and Skene 1979 (the transition matrix by expectation maximisation); Goldberger and Ben-Reuven 2017,
"Training deep neural networks using a noise adaptation layer"; Guo et al. 2017, "On Calibration of Modern Neural
Networks" (temperature scaling).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from overread.detection_settings import NoiseSettings

_REDRAWN_SHARE = 0.5
"""Share of the labels that strong instance-dependent noise redraws even from unambiguous images."""
NUM_FIRST_STEPS = 40
_NUM_STEPS = 20
"""Steps of expectation maximisation, at the first temperature and at each further one."""
_MIN_PROB = 1e-6


@dataclass(frozen=True)
class NoiseModel:
    """A fitted model. Its methods take out-of-fold probabilities, `probs` (N, K), rows sum to 1, and the given labels,
    `given` (N,) int64."""

    inverse_temperature: float
    """The power to which the classifier's probabilities are raised, above 0."""
    transition: np.ndarray
    """(K, K) float64: row j holds the probability of each given label where class j was perceived."""
    instance_noise: float = 0.0
    """Strength of the instance-dependent noise, at least 0."""
    instance_noise_prob: float = 1.0
    """The probability, in [0, 1], that there is instance-dependent noise at all: posteriors are averaged over both."""
    offsets: np.ndarray | float = 0.0
    """(K,) float64, added to the logs of the classifier's probabilities before they are scaled; 0 for none."""
    strengths: tuple[float, ...] = ()
    """Strengths of the instance-dependent noise, equally likely, over which posteriors are averaged too; none: it is
    `instance_noise` for certain."""

    def class_probs(self, probs: np.ndarray) -> np.ndarray:
        """(N, K) float64: the probability of each perceived class, whatever the label: `probs` at the model's
        temperature and with its offsets."""
        logs = np.log(np.maximum(np.asarray(probs, dtype=np.float64), _MIN_PROB))
        logits = self.inverse_temperature * (logs + self.offsets)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def posterior(self, probs: np.ndarray, given: np.ndarray) -> np.ndarray:
        """(N, K) float64: the probability of each true class given the image and its label."""
        return self.averaged(lambda model: model._posterior(probs, given))

    def averaged(self, posterior: Callable[["NoiseModel"], np.ndarray]) -> np.ndarray:
        """The mean of a posterior with and without instance-dependent noise, weighted by their probabilities."""
        strengths = self.strengths or (self.instance_noise,)
        shares = dict.fromkeys((0.0, *strengths), 0.0)
        for strength in strengths:
            shares[strength] += self.instance_noise_prob / len(strengths)
        shares[0.0] += 1 - self.instance_noise_prob
        models = {s: replace(self, instance_noise=s, instance_noise_prob=1.0, strengths=()) for s in shares}
        parts = [share * posterior(models[strength]) for strength, share in shares.items() if share]
        return sum(parts[1:], parts[0])

    def _posterior(self, probs: np.ndarray, given: np.ndarray) -> np.ndarray:
        true, redrawn = self.separate_instance_noise(self.class_probs(probs))
        joint = np.maximum(true * self.label_probs(redrawn, given), np.finfo(float).tiny)
        return joint / joint.sum(axis=1, keepdims=True)

    def log_probs(self, probs: np.ndarray, given: np.ndarray) -> np.ndarray:
        """(N,) float64: the log probability of each given label, in nats. Independent of the instance noise."""
        label_probs = (self.class_probs(probs) * self.transition[:, given].T).sum(axis=1)
        return np.log(np.maximum(label_probs, np.finfo(float).tiny))

    def separate_instance_noise(self, perceived: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Split the probabilities of the perceived classes, (N, K), into those of the true classes, whose rows sum to
        1, and those with which another class is perceived instead, whose rows sum to at most 1:
        perceived = true * (1 - redrawn.sum()) + redrawn, row by row."""
        perceived = np.maximum(perceived, _MIN_PROB)
        perceived /= perceived.sum(axis=1, keepdims=True)
        true = np.maximum(perceived ** (1 + self.instance_noise**2 / 4), np.finfo(float).tiny)
        true /= true.sum(axis=1, keepdims=True)
        # As many as possible keep their true class, less the share that is redrawn from unambiguous images too.
        most = np.minimum(perceived / true, 1).min(axis=1, keepdims=True)
        kept = most * (1 - _REDRAWN_SHARE * self.instance_noise / (1 + self.instance_noise))
        return true, np.maximum(perceived - kept * true, 0)

    def label_probs(self, redrawn: np.ndarray, given: np.ndarray) -> np.ndarray:
        """(N, K) float64: the probability of the given label for each true class. redrawn: (N, K), from
        `separate_instance_noise`."""
        by_class = self.transition[:, given].T
        return (1 - redrawn.sum(axis=1, keepdims=True)) * by_class + (redrawn * by_class).sum(axis=1, keepdims=True)

    def error_rate(self, probs: np.ndarray, given: np.ndarray) -> float:
        """The expected share of wrong labels, in [0, 1]."""
        return float(1 - self.posterior(probs, given)[np.arange(len(given)), given].mean())


def fit_noise_model(
    probs: np.ndarray,
    given: np.ndarray,
    settings: NoiseSettings,
    *,
    num_standard_errors: float,
    offsets: np.ndarray | float = 0.0,
) -> NoiseModel:
    """The most likely model without instance-dependent noise, its transition matrix shrunk.

    probs: (N, K) float, rows sum to 1, from models that were not fitted on the sample's label; given: (N,) int64.
    num_standard_errors, offsets: as for `fit_unshrunk`.
    """
    model = fit_unshrunk(probs, given, settings, num_standard_errors=num_standard_errors, offsets=offsets)
    return _shrunk(model, probs, given, settings)


def add_instance_noise(
    model: NoiseModel, probs: np.ndarray, given: np.ndarray, *, error_rate: float, most: float
) -> NoiseModel:
    """The model with the least instance-dependent noise at which the expected share of wrong labels reaches
    `error_rate`, in [0, 1], or of strength `most` if none reaches it."""

    def falls_short(strength: float) -> bool:
        return replace(model, instance_noise=strength).error_rate(probs, given) < error_rate

    low, high = 0.0, most
    if not falls_short(low):
        return model
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (middle, high) if falls_short(middle) else (low, middle)
    return replace(model, instance_noise=high)


def inverse_temperatures(settings: NoiseSettings) -> np.ndarray:
    """(T,) float64: the candidates, falling."""
    return np.geomspace(settings.max_inverse_temperature, settings.min_inverse_temperature, settings.num_temperatures)


def fit_unshrunk(
    probs: np.ndarray,
    given: np.ndarray,
    settings: NoiseSettings,
    *,
    num_standard_errors: float,
    offsets: np.ndarray | float = 0.0,
) -> NoiseModel:
    """The model of lowest temperature whose likelihood is within `num_standard_errors` of the best, with its most
    likely transition matrix. Its likelihood is what classifiers are compared by. offsets: those of the model, from
    `fit_class_offsets`."""
    models, log_probs = _fit_each_temperature(probs, given, settings, offsets)
    best = int(np.argmax([values.mean() for values in log_probs]))
    return next(
        model
        for model, values in zip(models, log_probs, strict=True)
        if is_as_likely(values, log_probs[best], num_standard_errors=num_standard_errors)
    )


def fit_plausible(
    probs: np.ndarray, given: np.ndarray, settings: NoiseSettings, *, offsets: np.ndarray | float
) -> tuple[NoiseModel, NoiseModel]:
    """The models of lowest and highest temperature whose likelihood is within `settings.num_standard_errors` of the
    best, their transition matrices shrunk. Arguments as for `fit_unshrunk`."""
    models, log_probs = _fit_each_temperature(probs, given, settings, offsets)
    best = int(np.argmax([values.mean() for values in log_probs]))
    plausible = [
        model
        for model, values in zip(models, log_probs, strict=True)
        if is_as_likely(values, log_probs[best], num_standard_errors=settings.num_standard_errors)
    ]
    return _shrunk(plausible[0], probs, given, settings), _shrunk(plausible[-1], probs, given, settings)


def _fit_each_temperature(
    probs: np.ndarray, given: np.ndarray, settings: NoiseSettings, offsets: np.ndarray | float
) -> tuple[list[NoiseModel], list[np.ndarray]]:
    """The most likely model at each temperature, from the lowest up, and the log probabilities of the labels, (N,)."""
    transition = initial_transition(probs.shape[1])
    models, log_probs = [], []
    for number, inverse_temperature in enumerate(inverse_temperatures(settings)):
        # The transition matrix changes little with the temperature, so each fit starts from the one before. It goes
        # from low temperatures to high ones: at high ones no wrong labels are needed, and expectation maximisation
        # cannot leave a transition matrix without any.
        num_steps = _NUM_STEPS if number else NUM_FIRST_STEPS
        start = NoiseModel(float(inverse_temperature), transition, offsets=offsets)
        transition = _fit_transition(probs, given, start, settings, num_steps=num_steps)
        models.append(replace(start, transition=transition))
        log_probs.append(models[-1].log_probs(probs, given))
    return models, log_probs


def _shrunk(model: NoiseModel, probs: np.ndarray, given: np.ndarray, settings: NoiseSettings) -> NoiseModel:
    class_counts = model.posterior(probs, given).sum(axis=0)
    transition = shrink_to_overall_rate(model.transition, class_counts, num_samples=settings.shrinkage)
    return replace(model, transition=transition)


def shrink_to_overall_rate(transition: np.ndarray, class_counts: np.ndarray, *, num_samples: float) -> np.ndarray:
    """The transition matrix (K, K) with each row shrunk towards uniform noise at the overall error rate.

    class_counts: (K,); num_samples: what that noise counts for beside the samples of the class. Only for a finished
    fit: during the search an estimate that is too low would pull itself lower still.
    """
    num_classes = len(transition)
    rate = 1 - class_counts @ transition.diagonal() / class_counts.sum()
    uniform = np.full_like(transition, rate / max(num_classes - 1, 1))
    np.fill_diagonal(uniform, 1 - rate)
    share = num_samples / (num_samples + class_counts[:, None])
    return share * uniform + (1 - share) * transition


def is_as_likely(log_probs: np.ndarray, best: np.ndarray, *, num_standard_errors: float) -> bool:
    """Whether the mean of log probabilities is below that of the best ones by at most so many standard errors of the
    difference. Both (N,), of the same samples."""
    behind = best - log_probs
    return bool(behind.mean() <= num_standard_errors * behind.std() / np.sqrt(len(behind)))


def _fit_transition(
    probs: np.ndarray, given: np.ndarray, start: NoiseModel, settings: NoiseSettings, *, num_steps: int
) -> np.ndarray:
    """(K, K): the transition matrix after expectation maximisation from that of `start`."""
    parts = split_by_label(start.class_probs(probs), given)
    transition = start.transition
    for _ in range(num_steps):
        transition = estimate_transition(expected_counts(parts, transition)[0], settings)
    return transition


def initial_transition(num_classes: int) -> np.ndarray:
    """(K, K): where expectation maximisation starts."""
    transition = np.full((num_classes, num_classes), 0.1 / max(num_classes - 1, 1))
    np.fill_diagonal(transition, 0.9)
    return transition


def split_by_label(class_probs: np.ndarray, given: np.ndarray) -> list[np.ndarray]:
    """The rows of (N, K) by given label, as K arrays (n, K), so that sums per label run over contiguous slices."""
    order = np.argsort(given, kind="stable")
    bounds = np.searchsorted(given[order], np.arange(class_probs.shape[1] + 1))
    class_probs = class_probs[order]
    return [class_probs[start:end] for start, end in pairwise(bounds)]


def expected_counts(parts: list[np.ndarray], transition: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expectation step: the expected number of samples by class and label, (K, K), and the probability of each label,
    (N,), in the order of `parts`, which come from `split_by_label`."""
    counts, totals = np.empty_like(transition), []
    for label, part in enumerate(parts):
        # The sum over samples of each class's share in the label's probability, as a product with its inverse.
        column = transition[:, label]
        totals.append(np.maximum(part @ column, _MIN_PROB**2))
        counts[:, label] = column * (1 / totals[-1] @ part)
    return counts, np.concatenate(totals)


def estimate_transition(counts: np.ndarray, settings: NoiseSettings) -> np.ndarray:
    """Maximisation step: the transition matrix (K, K) from the expected counts (K, K), with the priors."""
    counts = counts + settings.diagonal_prior * np.eye(len(counts))
    return _smooth_off_diagonal(counts, settings.off_diagonal_prior) / counts.sum(axis=1, keepdims=True)


def _smooth_off_diagonal(counts: np.ndarray, prior: float) -> np.ndarray:
    """(K, K): each class's errors drawn towards an even spread over the other classes, the more so the fewer there are.
    Without it, a matrix with as many entries as there are labels would explain every label as its own kind of error."""
    num_wrong = counts.sum(axis=1, keepdims=True) - counts.diagonal()[:, None]
    smoothed = num_wrong * (counts + prior) / (num_wrong + prior * max(len(counts) - 1, 1))
    np.fill_diagonal(smoothed, counts.diagonal())
    return smoothed
