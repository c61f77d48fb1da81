"""Offsets of the classes' logits: what one-sided label noise does to a classifier that was fitted to noisy labels.

If 40 % of one class's labels are wrong and none of the other's, the probability of the given label is 0.6 where the
image is clearly of the first class, and the border between the classes is at 0.3, not at 0.5. A temperature alone
leaves 0.5 where it is, so that all of this looks like unclear images. With an offset for each class, the border can
move. The offsets are fitted together with temperature and transition matrix, and used only if they make held-out labels
likelier beyond chance.
Sources: Saerens, Latinne and Decaestecker 2002, "Adjusting the outputs of a classifier to new a priori probabilities"
(the offset as a change of class frequencies); Guo et al. 2017 (vector scaling).
"""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from overread.detection.folds import grouped_folds
from overread.detection.standard_errors import num_standard_errors
from overread.detection_settings import NoiseSettings

_MIN_PROB = 1e-6
_STARTS = (1.0, 3.0)
"""Inverse temperatures to start from: the likelihood has several maxima."""
_FIRST_RATE = 0.1
_MAX_STEPS = 200
_MAX_LOGIT = 12.0
_OFF_DIAGONAL_PRIOR = 0.1
"""Pseudo-count, in labels, of all the errors of a class together."""


def fit_class_offsets(probs: np.ndarray, given: np.ndarray, groups: np.ndarray, settings: NoiseSettings) -> np.ndarray:
    """(K,) float64, to be added to the logs of `probs`; zeros unless held-out labels are likelier with them than
    without, by `settings.offset_standard_errors`.

    probs: (N, K), rows sum to 1, from models that were not fitted on the labels; given: (N,) int64; groups: (N,) int64,
    equal for samples that are not independent: they are held out together and count as one in the standard error.
    """
    num_classes = probs.shape[1]
    logs, none = np.log(np.maximum(np.asarray(probs, dtype=np.float64), _MIN_PROB)), np.zeros(num_classes)
    folds = grouped_folds(given, groups, settings.offset_folds, seed=0)
    if num_classes < 2 or not folds or len(np.unique(given)) < 2:
        return none
    with threadpool_limits(1):
        labels = _Labels(logs, given, settings)
        plain = max((labels.fit(_start(num_classes, power), has_offsets=False) for power in _STARTS), key=labels.value)
        starts = [plain, *(_start(num_classes, power) for power in _STARTS)]
        shifted = max((labels.fit(start, has_offsets=True) for start in starts), key=labels.value)
        gain = np.zeros(len(given))
        for fitted, held_out in folds:
            part, rest = (_Labels(logs[places], given[places], settings) for places in (fitted, held_out))
            with_offsets, without = part.fit(shifted, has_offsets=True), part.fit(plain, has_offsets=False)
            gain[held_out] = rest.log_probs(with_offsets) - rest.log_probs(without)
    if num_standard_errors(gain, groups) < settings.offset_standard_errors:
        return none
    power, offsets, _ = _unpacked(shifted, num_classes)
    return offsets / power


@dataclass(frozen=True)
class _Labels:
    """The likelihood of given labels, with its gradient. Parameters are one vector: the log of the power, K - 1
    offsets, and the logits of the transition matrix, row by row."""

    logs: np.ndarray
    given: np.ndarray
    settings: NoiseSettings

    def fit(self, start: np.ndarray, *, has_offsets: bool) -> np.ndarray:
        from scipy.optimize import minimize

        num_classes, settings = self.logs.shape[1], self.settings
        powers = np.log(settings.min_inverse_temperature), np.log(settings.max_inverse_temperature)
        offset = (None, None) if has_offsets else (0.0, 0.0)
        logit = (-_MAX_LOGIT, _MAX_LOGIT)
        bounds = [powers, *[offset] * (num_classes - 1), *[logit] * num_classes**2]
        options = {"maxiter": _MAX_STEPS}
        return minimize(self._loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x

    def value(self, parameters: np.ndarray) -> float:
        return -self._loss(parameters)[0]

    def log_probs(self, parameters: np.ndarray) -> np.ndarray:
        """(N,), in nats."""
        return np.log(self._parts(parameters)[1])

    def _parts(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Class probabilities (N, K), that of each label (N,), and the joint ones (N, K)."""
        power, offsets, transition = _unpacked(parameters, self.logs.shape[1])
        logits = power * self.logs + offsets
        probs = np.exp(logits - logits.max(axis=1, keepdims=True))
        probs /= probs.sum(axis=1, keepdims=True)
        joint = probs * transition[:, self.given].T
        return probs, np.maximum(joint.sum(axis=1), _MIN_PROB**2), joint

    def _loss(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        num_classes, spread = self.logs.shape[1], self.settings.offset_spread
        power, offsets, transition = _unpacked(parameters, num_classes)
        probs, of_label, joint = self._parts(parameters)
        posterior = joint / of_label[:, None]
        residual = posterior - probs
        is_diagonal = np.eye(num_classes, dtype=bool)
        prior = np.where(is_diagonal, self.settings.diagonal_prior, _OFF_DIAGONAL_PRIOR / (num_classes - 1))
        counts = posterior.T @ np.eye(num_classes)[self.given] + prior
        value = np.log(of_label).sum() + (prior * np.log(transition)).sum() - (offsets**2).sum() / (2 * spread**2)
        of_offsets = residual.sum(axis=0) - offsets / spread**2
        of_transition = counts - transition * counts.sum(axis=1, keepdims=True)
        gradient = np.concatenate(
            [
                [power * (residual * self.logs).sum()],
                (of_offsets - of_offsets.mean())[:-1],
                of_transition.ravel(),
            ]
        )
        return -float(value), -gradient


def _start(num_classes: int, power: float) -> np.ndarray:
    transition = np.full((num_classes, num_classes), _FIRST_RATE / (num_classes - 1))
    np.fill_diagonal(transition, 1 - _FIRST_RATE)
    return np.concatenate([[np.log(power)], np.zeros(num_classes - 1), np.log(transition).ravel()])


def _unpacked(parameters: np.ndarray, num_classes: int) -> tuple[float, np.ndarray, np.ndarray]:
    """The power, the offsets (K,), of mean 0, and the transition matrix (K, K)."""
    offsets = np.append(parameters[1:num_classes], 0.0)
    logits = parameters[num_classes:].reshape(num_classes, num_classes)
    transition = np.exp(logits - logits.max(axis=1, keepdims=True))
    return float(np.exp(parameters[0])), offsets - offsets.mean(), transition / transition.sum(axis=1, keepdims=True)
