"""How often readers see that a label is wrong, and that it is right, from labels that two of them read.

No verdict is taken as the truth: two readers who err independently, with the same sensitivity and specificity, agree
and disagree at rates that differ between strata with many and with few wrong labels, and that tells how often they err
(latent classes; Hui and Walter 1980, "Estimating the error rates of diagnostic tests").
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import gammaln

GRID = np.round(np.linspace(0.5, 1, 51), 2)
"""Of both rates: a reader is better than chance."""
PREVALENCES = np.concatenate([np.linspace(0, 0.1, 51), np.linspace(0.11, 1, 90)])
TILTS = np.geomspace(1e-3, 50, 80)
"""Of Chernoff's bound, each of which holds; the best is taken."""
MIN_PAIRS = 20
"""Labels read twice, below which nothing is said."""


@dataclass(frozen=True, slots=True)
class ReaderAccuracy:
    """Estimates and their intervals, each (low, high) in [0.5, 1]."""

    sensitivity: float
    """The share of wrong labels that a reader calls wrong."""
    sensitivity_range: tuple[float, float]
    specificity: float
    """The share of right labels that a reader calls right."""
    specificity_range: tuple[float, float]
    num_pairs: int
    """Labels that two readers read."""
    frontier: tuple[tuple[float, float], ...]
    """For each specificity that is possible, the least sensitivity that is possible with it: (sensitivity,
    specificity)."""


def reader_accuracy(pairs: np.ndarray, alpha: float) -> ReaderAccuracy | None:
    """pairs: (H, 3) int64, of the labels of each stratum that two readers read: how many both call wrong, one, none.
    None where there are fewer than `MIN_PAIRS`.

    The intervals hold together with probability 1 - alpha at least in samples of any size, if the readers err
    independently of each other: they are those rates at which no prevalence makes the pairs less probable than a
    predictor of them did by a factor of 1 / alpha (universal inference; Wasserman, Ramdas, Balakrishnan 2020).
    """
    num_pairs = int(pairs.sum())
    if num_pairs < MIN_PAIRS:
        return None
    log_probs = _log_pair_probs()
    likelihood = np.zeros((len(GRID), len(GRID)))
    predicted = 0.0
    for stratum in np.asarray(pairs, dtype=np.float64):
        likelihood += np.tensordot(stratum, log_probs, axes=1).max(axis=2)
        predicted += _dirichlet_log_prob(stratum)
    is_possible = predicted - likelihood < math.log(1 / alpha)
    best = np.unravel_index(likelihood.argmax(), likelihood.shape)
    is_possible[best] = True
    of_sensitivity, of_specificity = GRID[is_possible.any(axis=1)], GRID[is_possible.any(axis=0)]
    return ReaderAccuracy(
        sensitivity=float(GRID[best[0]]),
        sensitivity_range=(float(of_sensitivity[0]), float(of_sensitivity[-1])),
        specificity=float(GRID[best[1]]),
        specificity_range=(float(of_specificity[0]), float(of_specificity[-1])),
        num_pairs=num_pairs,
        frontier=tuple(
            (float(GRID[is_possible[:, place].argmax()]), float(GRID[place]))
            for place in np.flatnonzero(is_possible.any(axis=0))
        ),
    )


def most_truly_wrong(
    most_called: int, num_mended: int, num_read: int, num_labels: int, accuracy: ReaderAccuracy, *, alpha: float
) -> int:
    """At most so many labels are still wrong, where a reader would call at most `most_called` of all labels wrong, and
    `num_mended` of the `num_read` that were read have been mended; wrong with probability alpha beyond that of the
    arguments.

    Calls are independent, given the truth: Chernoff's bound says how few of them are wrong calls at the least. What was
    mended by mistake is wrong now. It holds at one moment, not at all moments together: the number mended by mistake is
    bounded for the verdicts of that moment.
    """
    return max(
        _most_still_wrong(most_called, num_mended, num_read, num_labels, rates, math.log(alpha / 2))
        for rates in accuracy.frontier
    )


def _most_still_wrong(
    most_called: int, num_mended: int, num_read: int, num_labels: int, rates: tuple[float, float], log_alpha: float
) -> int:
    """As above, for one sensitivity and specificity."""
    sensitivity, specificity = rates
    low, high = 0, num_labels
    while low < high:
        middle = (low + high + 1) // 2
        called = _log_few(most_called, (middle, num_labels - middle), (sensitivity, 1 - specificity))
        low, high = (middle, high) if called >= log_alpha else (low, middle - 1)
    mistakes = num_mended
    while mistakes and _log_few(num_read - mistakes, (num_read, 0), (specificity, 0.0)) < log_alpha:
        mistakes -= 1
    # Of those mended, `mistakes` at most were right before.
    return max(low - num_mended + mistakes, 0) + mistakes


def _log_few(number: int, trials: tuple[int, int], rates: tuple[float, float]) -> float:
    """Bounds the log probability that a sum of independent 0/1 trials of two kinds is `number` or less."""
    parts = [num * np.log(1 - rate + rate * np.exp(-TILTS)) for num, rate in zip(trials, rates, strict=True)]
    return float(min(0.0, (TILTS * number + parts[0] + parts[1]).min()))


@cache
def _log_pair_probs() -> np.ndarray:
    """(3, sensitivities, specificities, prevalences): that both readers call a label wrong, one of them, none."""
    sensitivity, specificity, prevalence = np.meshgrid(GRID, GRID, PREVALENCES, indexing="ij", sparse=True)
    both = prevalence * sensitivity**2 + (1 - prevalence) * (1 - specificity) ** 2
    none = prevalence * (1 - sensitivity) ** 2 + (1 - prevalence) * specificity**2
    found = np.log(np.maximum([both, 1 - both - none, none], np.finfo(float).tiny))
    found.setflags(write=False)
    return found


def _dirichlet_log_prob(counts: np.ndarray) -> float:
    """Of outcomes in one order, predicted one after the other by the rule of Krichevsky and Trofimov."""
    prior = 0.5
    total = prior * len(counts)
    value = gammaln(total) - gammaln(total + counts.sum()) + (gammaln(prior + counts) - gammaln(prior)).sum()
    return float(value)
