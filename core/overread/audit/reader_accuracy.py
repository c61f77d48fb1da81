"""How often readers see that a label is wrong, and that it is right, from labels that two of them read.

No verdict is taken as the truth: two readers who err independently, with the same sensitivity and specificity, agree
and disagree at rates that differ between strata with many and with few wrong labels, and that tells how often they err
(latent classes; Hui and Walter 1980, "Estimating the error rates of diagnostic tests").
"""

import math
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from scipy.special import betaln, logsumexp

from overread.audit.confidence_set import ConfidenceSet, Counts, Predictor

GRID = np.round(np.linspace(0.5, 1, 51), 2)
"""Of both rates: a reader is better than chance."""
PREVALENCES = np.concatenate([np.linspace(0, 0.1, 51), np.linspace(0.11, 1, 90)])
TILTS = np.geomspace(1e-3, 50, 80)
"""Of Chernoff's bound, each of which holds; the best is taken."""
MIN_PAIRS = 20
"""Labels read twice, below which nothing is said."""
DISAGREEMENT_GUESS = 0.03
"""The share of labels on which it is hoped that two readers differ at most."""
NUM_CHANCES = 3
"""What chance does, beyond the rates: to the calls of all labels, to the disagreements, and to what was read."""


@dataclass(frozen=True, slots=True)
class ReaderAccuracy:
    """Estimates and their intervals, each (low, high) in [0.5, 1]; they hold together, at every moment."""

    sensitivity: float
    """The share of wrong labels that a reader calls wrong."""
    sensitivity_range: tuple[float, float]
    specificity: float
    """The share of right labels that a reader calls right."""
    specificity_range: tuple[float, float]
    num_pairs: int
    """Labels that two readers read."""
    possible: tuple[tuple[float, float], ...]
    """All (sensitivity, specificity) that are possible."""
    most_disagreements: int
    """If two readers had read all labels, they would differ on so many at most."""


def reader_accuracy(pairs: np.ndarray, in_order: np.ndarray, sizes: np.ndarray, alpha: float) -> ReaderAccuracy | None:
    """pairs: (H, 3) int64, of the labels of each stratum that two readers read: how many both call wrong, one, none.
    in_order: the same of those that were drawn at random, up to the first that was not read twice. sizes: (H,) labels.
    None where there are fewer than `MIN_PAIRS`.

    All of it holds together with probability 1 - alpha at least, in samples of any size and whenever one looks, if the
    readers err independently of each other. The rates are those at which no prevalence makes the pairs less probable
    than a mixture over all rates does by a factor of 2 / alpha (universal inference; Wasserman, Ramdas, Balakrishnan
    2020); the disagreements are bounded as wrong labels are, by `confidence_set`.
    """
    num_pairs = int(pairs.sum())
    if num_pairs < MIN_PAIRS:
        return None
    likelihood = np.zeros((len(GRID), len(GRID)))
    mixture = _log_rate_weights().copy()
    for stratum in np.asarray(pairs, dtype=np.float64):
        of_prevalences = np.tensordot(stratum, _log_pair_probs(), axes=1)
        likelihood += of_prevalences.max(axis=2)
        mixture += logsumexp(of_prevalences, axis=2) - math.log(len(PREVALENCES))
    is_possible = logsumexp(mixture) - likelihood < math.log(2 / alpha)
    best = np.unravel_index(likelihood.argmax(), likelihood.shape)
    is_possible[best] = True
    of_sensitivity, of_specificity = GRID[is_possible.any(axis=1)], GRID[is_possible.any(axis=0)]
    differ = Counts.of(sizes, in_order.sum(axis=1), in_order[:, 1])
    return ReaderAccuracy(
        sensitivity=float(GRID[best[0]]),
        sensitivity_range=(float(of_sensitivity[0]), float(of_sensitivity[-1])),
        specificity=float(GRID[best[1]]),
        specificity_range=(float(of_specificity[0]), float(of_specificity[-1])),
        num_pairs=num_pairs,
        possible=tuple((float(GRID[row]), float(GRID[column])) for row, column in np.argwhere(is_possible)),
        most_disagreements=ConfidenceSet(
            differ, Predictor.of(np.full(len(sizes), DISAGREEMENT_GUESS)), alpha / 2
        ).most(),
    )


def most_truly_wrong(
    most_called: int, num_mended: int, num_read: int, num_labels: int, accuracy: ReaderAccuracy, *, alpha: float
) -> int:
    """At most so many labels are still wrong, where a reader would call at most `most_called` of all labels wrong, and
    `num_mended` of the `num_read` that were read have been mended; wrong with probability alpha beyond that of the
    arguments, at all moments together.

    Each label's two calls are independent, given the truth. So many wrong labels as there may be would seldom leave as
    few calls or as few disagreements as the bounds allow (Chernoff), both fixed numbers, whenever one looks. What was
    mended by mistake is wrong now, and is bounded at every moment of the reading by `_most_mistakes`.
    """
    sensitivity, specificity = np.array(accuracy.possible).T
    log_alpha = math.log(alpha / NUM_CHANCES)
    differing = (2 * sensitivity * (1 - sensitivity), 2 * specificity * (1 - specificity))
    wrong = np.minimum(
        _most_wrong(most_called, num_labels, (sensitivity, 1 - specificity), log_alpha),
        _most_wrong(accuracy.most_disagreements, num_labels, differing, log_alpha),
    )
    mistakes = np.array([min(num_mended, _most_mistakes(num_read, each, log_alpha)) for each in specificity.tolist()])
    # Of those mended, `mistakes` at most were right before.
    still = np.maximum(wrong - num_mended + mistakes, 0) + mistakes
    is_possible = wrong >= 0
    return int((still[is_possible] if is_possible.any() else still).max())


def _most_wrong(number: int, num_labels: int, rates: tuple[np.ndarray, np.ndarray], log_alpha: float) -> np.ndarray:
    """(K,) int64: the most wrong labels with which a sum of independent 0/1 trials, one for each label, is `number` or
    less with probability alpha, by Chernoff's bound; -1 where no number of them is. rates: (K,) each, of the trials of
    wrong and of right labels."""
    of_wrong, of_right = (np.log(1 - rate[:, None] + rate[:, None] * np.exp(-TILTS)) for rate in rates)

    def is_possible(num_wrong: np.ndarray) -> np.ndarray:
        log_probs = TILTS * number + num_wrong[:, None] * of_wrong + (num_labels - num_wrong)[:, None] * of_right
        found: np.ndarray = log_probs.min(axis=1) >= log_alpha
        return found

    low, high = np.full(len(of_wrong), -1), np.full(len(of_wrong), num_labels)
    # Where wrong labels add less to the sum than right ones, all of them may be.
    low = np.where(is_possible(high), high, low)
    while (low < high).any():
        middle = (low + high + 1) // 2
        found = is_possible(middle)
        low, high = np.where(found, middle, low), np.where(found, high, middle - 1)
    return low


@lru_cache(maxsize=4096)
def _most_mistakes(num_read: int, specificity: float, log_alpha: float) -> int:
    """Of the right labels among those read, at most so many were called wrong, after every verdict: no more than a
    beta prior around the rate predicts e^-log_alpha times as well as the rate itself (Ville's inequality)."""
    rate = 1 - specificity
    if rate == 0:
        return 0
    numbers = np.arange(num_read + 1)
    wrong, right = 1.0, specificity / rate
    predicted = betaln(wrong + numbers, right + num_read - numbers) - betaln(wrong, right)
    is_possible = predicted - numbers * math.log(rate) - (num_read - numbers) * math.log(specificity) < -log_alpha
    return int(np.flatnonzero(is_possible)[-1])


@cache
def _log_pair_probs() -> np.ndarray:
    """(3, sensitivities, specificities, prevalences): that both readers call a label wrong, one of them, none."""
    sensitivity, specificity, prevalence = np.meshgrid(GRID, GRID, PREVALENCES, indexing="ij", sparse=True)
    both = prevalence * sensitivity**2 + (1 - prevalence) * (1 - specificity) ** 2
    none = prevalence * (1 - sensitivity) ** 2 + (1 - prevalence) * specificity**2
    found = np.log(np.maximum([both, 1 - both - none, none], np.finfo(float).tiny))
    found.setflags(write=False)
    return found


@cache
def _log_rate_weights() -> np.ndarray:
    """(sensitivities, specificities): the mixture's, most on good readers; it decides how narrow the intervals are,
    never whether they hold."""
    weights = GRID[:, None] ** 4 / (1.01 - GRID)
    found: np.ndarray = np.log(weights / weights.sum())
    found.setflags(write=False)
    return found
