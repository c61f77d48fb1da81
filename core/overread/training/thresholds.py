"""Adaptive loss thresholds, estimated from the losses of all samples and per class.

The mixture and Otsu's split take any values: losses in nats, confidences in [0, 1].
"""

import warnings
from dataclasses import dataclass

import numpy as np

SHRINKAGE = 50
"""Samples that the threshold of the whole counts for in that of a class: with as many of its own, a class has half
a say, with ten times as many it follows itself."""
_MAX_STEPS = 200
_TOLERANCE = 1e-6
_VARIANCE_FLOOR = 5e-4
"""Of the values' squared range, as DivideMix has it: a component never shrinks onto a single value."""


@dataclass(frozen=True)
class Mixture:
    """Two normal distributions that values were drawn from, the one of lower mean first."""

    weights: np.ndarray
    """(2,) float64, sum 1."""
    means: np.ndarray
    """(2,) float64, rising."""
    deviations: np.ndarray
    """(2,) float64, above 0."""

    def log_densities(self, values: np.ndarray) -> np.ndarray:
        """(2, N): of each component, its weight included."""
        scaled = (values - self.means[:, None]) / self.deviations[:, None]
        return np.log(self.weights / (self.deviations * np.sqrt(2 * np.pi)))[:, None] - scaled**2 / 2

    def low_posterior(self, values: np.ndarray) -> np.ndarray:
        """(N,) float64 in [0, 1]: the probability that a value came from the lower component. It falls as the value
        rises: beyond the two means it is what it is at the mean, for there the wider component would take over."""
        low, high = self.log_densities(np.clip(values, *self.means))
        return 1 / (1 + np.exp(np.clip(high - low, -700, 700)))

    @property
    def is_bimodal(self) -> bool:
        """Whether the density dips between the two means."""
        between = np.linspace(self.means[0], self.means[1], 101)
        density = np.exp(self.log_densities(between)).sum(axis=0)
        return bool(density.min() < 0.99 * min(density[0], density[-1]))


def fit_mixture(values: np.ndarray) -> Mixture | None:
    """The mixture of two normals that fits best, by scikit-learn's expectation maximisation from Otsu's split.

    values: (N,) float, no NaN. None where there are fewer than 2 different values, or where the values don't fall
    into two heaps (the fitted density has no dip).
    Source: Li, Socher, Hoi 2020, "DivideMix", section 3.1 (there on the losses of the given labels).
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    values = np.asarray(values, dtype=np.float64)
    start = otsu_threshold(values)
    if start is None:
        return None
    floor = _VARIANCE_FLOOR * np.ptp(values) ** 2
    parts = [values[values < start], values[values >= start]]
    fit = GaussianMixture(
        2,
        weights_init=[len(part) / len(values) for part in parts],
        means_init=[[part.mean()] for part in parts],
        precisions_init=[[[1 / (part.var() + floor)]] for part in parts],
        reg_covar=floor,
        tol=_TOLERANCE,
        max_iter=_MAX_STEPS,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # cut short, it is near enough
        fit.fit(values[:, None])
    mixture = Mixture(fit.weights_, fit.means_.ravel(), np.sqrt(fit.covariances_.ravel()))
    if mixture.means[0] >= mixture.means[1] or not mixture.is_bimodal:
        return None
    return mixture


def gmm_threshold(values: np.ndarray) -> float | None:
    """The value between the two means at which both components of `fit_mixture` are as likely; None without two."""
    mixture = fit_mixture(values)
    if mixture is None:
        return None
    low, high = mixture.means
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if mixture.low_posterior(np.array([middle]))[0] > 0.5 else (low, middle)
    return float(high)


def otsu_threshold(values: np.ndarray) -> float | None:
    """The split that leaves the least variance within the two parts, over all splits: no histogram. Half-way between
    the values on its two sides; None where all values are equal.

    values: (N,) float, no NaN.
    Source: Otsu 1979, "A threshold selection method from gray-level histograms".
    """
    values = np.sort(np.asarray(values, dtype=np.float64))
    is_split = values[1:] > values[:-1]
    if not is_split.any():
        return None
    num_low = np.arange(1, len(values))
    centred = values - values.mean()
    sums = centred.cumsum()[:-1]
    # Between-class variance with the overall mean at 0, but for a constant factor.
    between = np.where(is_split, sums**2 / (num_low * (len(values) - num_low)), -1.0)
    place = int(between.argmax())
    return float((values[place] + values[place + 1]) / 2)


def threshold(losses: np.ndarray, *, method: str, fixed: float, quantile: float = 0.5) -> float:
    """The threshold of all losses together.

    losses: (N,) float, no NaN. method: "fixed" returns `fixed`; "gmm" and "otsu" as above; "quantile" the loss
    below which that share lies. Losses that a mixture finds in one heap are split by Otsu's method, though not below
    `fixed`: under heavy noise all losses are high and alike, and `fixed` would let none through; without noise all
    are low, and nothing is to be split off. Where all losses are equal, and without any, it is `fixed`.
    """
    found = _own_threshold(losses, method, quantile)
    if found is None and method == "gmm":
        split = otsu_threshold(losses)
        found = None if split is None else max(split, fixed)
    return fixed if found is None else found


def class_thresholds(
    losses: np.ndarray, labels: np.ndarray, num_classes: int, *, method: str, fixed: float, quantile: float = 0.5
) -> np.ndarray:
    """A threshold per class, (K,) float64, from its own losses, drawn towards that of the whole where they are few.

    losses: (N,) float, no NaN; labels: (N,) int64 class indices. With n losses of its own, a class's own threshold
    counts n / (n + SHRINKAGE), that of the whole the rest; a class whose losses fall into no two parts takes
    that of the whole. method, fixed, quantile: as in `threshold`.
    """
    whole = threshold(losses, method=method, fixed=fixed, quantile=quantile)
    thresholds = np.full(num_classes, whole)
    if method == "fixed":
        return thresholds
    for label in range(num_classes):
        own_losses = losses[labels == label]
        own = _own_threshold(own_losses, method, quantile)
        if own is not None:
            share = len(own_losses) / (len(own_losses) + SHRINKAGE)
            thresholds[label] = share * own + (1 - share) * whole
    return thresholds


def _own_threshold(values: np.ndarray, method: str, quantile: float) -> float | None:
    if method == "fixed" or len(values) == 0:
        return None
    if method == "quantile":
        return float(np.quantile(values, quantile))
    return gmm_threshold(values) if method == "gmm" else otsu_threshold(values)
