"""Coefficients of agreement as functions of sums over samples, and their intervals from resampling whole groups.

Sources: Cohen 1960, "A coefficient of agreement for nominal scales"; Fleiss 1971, "Measuring nominal scale agreement
among many raters"; Krippendorff 2011, "Computing Krippendorff's alpha-reliability" (nominal); Byrt, Bishop and Carlin
1993, "Bias, prevalence and kappa" (PABAK); Cicchetti and Feinstein 1990, "High agreement but low kappa: II" (positive
and negative agreement).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

MISSING = -1
LEVEL = 0.95
NUM_AT_ONCE = 32
"""Resamples that are summed at once: 25 MB for 100,000 groups."""


@dataclass(frozen=True)
class Estimate:
    """A coefficient, 1 for full agreement and 0 for chance, and its bootstrap interval; NaN where not defined."""

    value: float
    low: float
    high: float
    num_samples: int
    """Samples that it was computed from."""


class Resamples:
    """Bootstrap resamples of whole groups, the same ones for every coefficient."""

    def __init__(self, groups: np.ndarray, num_resamples: int, seed: int) -> None:
        names, self._group_of = np.unique(groups, return_inverse=True)
        self.num_groups = len(names)
        self._rng_seed, self._num_resamples = seed, num_resamples

    @cached_property
    def _counts(self) -> np.ndarray:
        """(R, G) uint8: how often each resample has each group; drawing them takes longer than a coefficient."""
        rng = np.random.default_rng(self._rng_seed)
        counts = np.empty((self._num_resamples, self.num_groups), dtype=np.uint8)
        for row in counts:
            row[:] = np.bincount(rng.integers(0, self.num_groups, self.num_groups), minlength=self.num_groups)
        return counts

    def estimate(
        self, coefficient: Callable[[np.ndarray], np.ndarray], terms: np.ndarray, num_samples: int
    ) -> Estimate:
        """A coefficient and its percentile interval. terms: (N, T), of each sample; it is a function of their sums."""
        return self.estimates(lambda sums: coefficient(sums)[..., None], terms, num_samples)[0]

    def estimates(
        self, coefficients: Callable[[np.ndarray], np.ndarray], terms: np.ndarray, num_samples: int
    ) -> list[Estimate]:
        """The same of Q coefficients at once: (..., T) sums to (..., Q)."""
        by_group = np.zeros((self.num_groups, terms.shape[1]))
        np.add.at(by_group, self._group_of, terms)
        parts = range(0, self._num_resamples, NUM_AT_ONCE)
        found = [self._counts[start : start + NUM_AT_ONCE].astype(np.float64) @ by_group for start in parts]
        sums = np.concatenate([np.empty((0, terms.shape[1])), *found])
        with np.errstate(divide="ignore", invalid="ignore"):  # not defined: NaN
            values, resampled = coefficients(by_group.sum(axis=0)), coefficients(sums)
        return [
            Estimate(float(value), *_interval(column), num_samples)
            for value, column in zip(values, resampled.T, strict=True)
        ]


def _interval(resampled: np.ndarray) -> tuple[float, float]:
    resampled = resampled[np.isfinite(resampled)]
    tail = 100 * (1 - LEVEL) / 2
    if not len(resampled):
        return float("nan"), float("nan")
    low, high = np.percentile(resampled, [tail, 100 - tail])
    return float(low), float(high)


def cohen_terms(first: np.ndarray, second: np.ndarray, num_classes: int) -> np.ndarray:
    """(N, 2K + 1) float64 of each sample that both rated: each rater's label one-hot, and whether they agree."""
    labels = np.arange(num_classes)
    agree = (first == second)[:, None]
    terms = np.concatenate([first[:, None] == labels, second[:, None] == labels, agree], axis=1).astype(np.float64)
    return terms * ((first != MISSING) & (second != MISSING))[:, None]


def class_terms(first: np.ndarray, second: np.ndarray, num_classes: int) -> np.ndarray:
    """(N, 3K + 1) float64 of each sample that both rated: each rater's label one-hot, the label that both gave
    one-hot, and 1."""
    labels = np.arange(num_classes)
    by_first, by_second = first[:, None] == labels, second[:, None] == labels
    ones = np.ones((len(first), 1), dtype=bool)
    terms = np.concatenate([by_first, by_second, by_first & by_second, ones], axis=1).astype(np.float64)
    return terms * ((first != MISSING) & (second != MISSING))[:, None]


def fleiss_terms(counts: np.ndarray, num_raters: int) -> np.ndarray:
    """(N, K + 2) float64 of each sample that all R rated: its counts by label, its share of pairs that agree, and 1.

    counts: (N, K), how many raters gave each sample each label.
    """
    shares = (counts * (counts - 1)).sum(axis=1) / max(num_raters * (num_raters - 1), 1)
    terms = np.concatenate([counts, shares[:, None], np.ones((len(counts), 1))], axis=1)
    return terms * (counts.sum(axis=1) == num_raters)[:, None]


def krippendorff_terms(counts: np.ndarray) -> np.ndarray:
    """(N, K + 1) float64 of each sample that two or more rated: its counts by label, and the trace of its
    coincidence matrix."""
    num_rated = counts.sum(axis=1)
    agreeing = (counts * (counts - 1)).sum(axis=1) / np.maximum(num_rated - 1, 1)
    return np.concatenate([counts, agreeing[:, None]], axis=1) * (num_rated > 1)[:, None]


def cohen_kappa(sums: np.ndarray) -> np.ndarray:
    """(...) from sums of `cohen_terms`, (..., 2K + 1); NaN where chance alone would always agree."""
    num_classes = sums.shape[-1] // 2
    first, second, agreeing = sums[..., :num_classes], sums[..., num_classes:-1], sums[..., -1]
    total = first.sum(axis=-1)
    expected = (first * second).sum(axis=-1) / total**2
    return (agreeing / total - expected) / (1 - expected)


def pabak(sums: np.ndarray) -> np.ndarray:
    """(...) from sums of `cohen_terms`: kappa as it would be if all K labels were equally frequent, -1 / (K - 1) to 1.

    It is the share of equal labels, rescaled; a high one beside a low kappa says that one label prevails.
    """
    num_classes = sums.shape[-1] // 2
    share_equal = sums[..., -1] / sums[..., :num_classes].sum(axis=-1)
    return (num_classes * share_equal - 1) / (num_classes - 1)


def positive_and_negative_agreement(sums: np.ndarray) -> np.ndarray:
    """(..., 2K) from sums of `class_terms`: for each label, how often one rater gives it where the other one does;
    then for each, how often one does not where the other one does not. Both from 0 to 1, averaged over the two raters.
    """
    num_classes = sums.shape[-1] // 3
    first, second, both = (sums[..., place * num_classes :][..., :num_classes] for place in range(3))
    total = sums[..., -1:]
    positive = 2 * both / (first + second)
    negative = 2 * (total - first - second + both) / (2 * total - first - second)
    return np.concatenate([positive, negative], axis=-1)


def fleiss_kappa(sums: np.ndarray) -> np.ndarray:
    """(...) from sums of `fleiss_terms`, (..., K + 2)."""
    counts, agreeing, num_samples = sums[..., :-2], sums[..., -2], sums[..., -1]
    expected = (counts**2).sum(axis=-1) / counts.sum(axis=-1) ** 2
    return (agreeing / num_samples - expected) / (1 - expected)


def krippendorff_alpha(sums: np.ndarray) -> np.ndarray:
    """(...) from sums of `krippendorff_terms`, (..., K + 1)."""
    counts, agreeing = sums[..., :-1], sums[..., -1]
    total = counts.sum(axis=-1)
    expected_disagreement = 1 - (counts * (counts - 1)).sum(axis=-1) / (total * (total - 1))
    return 1 - (1 - agreeing / total) / expected_disagreement
