"""Which numbers of wrong labels the verdicts of a random sample leave possible, whenever one looks.

Each of H strata has `sizes` labels, of which a fixed, unknown number is wrong. Labels are read in a random order,
without replacement, so that the probability of the verdicts seen is hypergeometric in those numbers. A predictor that
states a probability for each verdict before it is seen can exceed that probability by a factor of 1 / alpha, at any
moment, with probability alpha at most: the numbers for which it has not are a confidence set at every moment (Ville's
inequality). The predictor decides how small the set is, never whether it holds.

Where a plan names, before the first verdict, how many labels of a stratum are to be read first, part of alpha is for
these: they are one random sample of fixed size, which bounds the number of wrong labels exactly. Neither bound depends
on why reading went on or stopped, so that both hold together at every moment.

Source: Waudby-Smith and Ramdas 2020, "Confidence sequences for sampling without replacement" (section 2, the
prior-posterior-ratio martingale), over several strata as in Spertus and Stark 2022, "Sweeter than SUITE".
"""

from dataclasses import astuple, dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, expit, gammaln, logit

BELIEF_WEIGHT = 0.6
"""Of the experts that follow the model."""
GUESS_WEIGHT = 0.3
"""Of the one that expects the rates which the owner's question is about; the rest expects nothing."""
OFFSETS = (-3.0, -2.0, -1.0, 0.0, 1.0)
"""In log-odds: by how much all of the model's rates may be too low, or too high where negative."""
STRENGTHS = (1.0, 10.0)
"""How many of the rarer outcomes an expert's rate counts for."""
PLANNED_PART = 0.7
"""Of alpha, where strata have a planned sample: for their bounds at that size, equally. The rest is for all moments."""
MIN_BELIEF = 1e-4
"""No rate is believed to be nearer to 0 or 1."""


@dataclass(frozen=True, eq=False)
class Counts:
    """What is known of H strata; each (H,) int64.

    Raises ValueError where these contradict each other."""

    sizes: np.ndarray
    """Labels."""
    num_read: np.ndarray
    """Of them, read in their random order."""
    num_found: np.ndarray
    """Of these, found wrong."""
    least: np.ndarray
    """Labels known to be wrong, those read out of order among them."""
    most: np.ndarray
    """Labels not known to be right."""
    num_planned: np.ndarray
    """Labels of the random order that a plan named before the first verdict; 0 where none did."""
    planned_most: np.ndarray
    """Of these, not known to be right."""

    def __post_init__(self) -> None:
        is_order = (self.num_found <= self.least) & (self.least <= self.most) & (self.most <= self.sizes)
        if not (is_order & (self.num_found >= 0) & (self.most <= self.sizes - self.num_read + self.num_found)).all():
            raise ValueError("the counts of a stratum contradict each other")

    @classmethod
    def of(cls, sizes: ArrayLike, num_read: ArrayLike, num_found: ArrayLike) -> "Counts":
        """Of strata in which no label was read out of order."""
        labels, read, found = (np.asarray(each, dtype=np.int64) for each in (sizes, num_read, num_found))
        none = np.zeros_like(labels)
        return cls(labels, read, found, found, labels - read + found, none, none)

    def planned(self, num_planned: ArrayLike, planned_most: ArrayLike) -> "Counts":
        """With planned samples, of which so many labels are not known to be right; both (H,)."""
        return replace(self, num_planned=np.asarray(num_planned), planned_most=np.asarray(planned_most))

    def part(self, is_asked: np.ndarray) -> "Counts":
        """Of the strata asked for, (H,) bool."""
        return Counts(*(values[is_asked] for values in astuple(self)))


@dataclass(frozen=True, eq=False)
class Predictor:
    """A mixture of E experts, each of which has a beta prior for the rate of wrong labels in each of H strata."""

    wrong: np.ndarray
    """(E, H) float64: the priors' first parameters; `right`: the second."""
    right: np.ndarray
    log_weights: np.ndarray
    """(E,) float64."""

    @classmethod
    def of(cls, guess: np.ndarray, belief: np.ndarray | None = None) -> "Predictor":
        """guess: (H,) in (0, 1), rates of wrong labels at which the question asked has the answer hoped for; belief:
        (H,) in [0, 1], the model's; None: there is no model.

        The experts: the guess; the model's rates, moved by a common offset; and each stratum by itself (Jeffreys)."""
        guess = np.asarray(guess, dtype=np.float64)
        experts = [(GUESS_WEIGHT, _prior(guess, 1.0))]
        experts += [(1 - BELIEF_WEIGHT - GUESS_WEIGHT, (np.full(len(guess), 0.5), np.full(len(guess), 0.5)))]
        if belief is not None:
            share = BELIEF_WEIGHT / (len(OFFSETS) * len(STRENGTHS))
            moved = [expit(logit(np.clip(belief, MIN_BELIEF, 1 - MIN_BELIEF)) + offset) for offset in OFFSETS]
            experts += [(share, _prior(rates, strength)) for rates in moved for strength in STRENGTHS]
        weights = np.array([weight for weight, _ in experts])
        wrong, right = (np.array(each) for each in zip(*(prior for _, prior in experts), strict=True))
        return cls(wrong, right, np.log(weights / weights.sum()))

    def log_prob(self, num_read: np.ndarray, num_found: np.ndarray) -> np.ndarray:
        """(...) of verdicts in one order; both arguments (..., H), whole numbers or not."""
        num_read, num_found = np.asarray(num_read)[..., None, :], np.asarray(num_found)[..., None, :]
        after = betaln(self.wrong + num_found, self.right + num_read - num_found)
        return np.logaddexp.reduce(self.log_weights + (after - self._log_norm).sum(axis=-1), axis=-1)

    @cached_property
    def _log_norm(self) -> np.ndarray:
        return betaln(self.wrong, self.right)


def log_likelihood(sizes: np.ndarray, num_wrong: np.ndarray, num_read: np.ndarray, num_found: np.ndarray) -> np.ndarray:
    """Of verdicts in one order, in strata of which num_wrong labels are wrong; all (..., H), the result too. Minus
    infinity where it cannot be."""
    wrong_left, right_left = num_wrong - num_found, sizes - num_wrong - num_read + num_found
    is_possible = (wrong_left >= 0) & (right_left >= 0)
    wrong_left, right_left = np.maximum(wrong_left, 0), np.maximum(right_left, 0)
    value = _log_choose(wrong_left + right_left, wrong_left) - _log_choose(sizes, num_wrong)
    return np.where(is_possible, value, -np.inf)


def log_evidence(
    sizes: np.ndarray, num_wrong: np.ndarray, num_read: np.ndarray, num_found: np.ndarray, predictor: Predictor
) -> np.ndarray:
    """(...): the log of the e-value against num_wrong, (..., H): from log(1 / alpha) on, it is outside the set."""
    likelihood = log_likelihood(sizes, num_wrong, num_read, num_found).sum(axis=-1)
    return predictor.log_prob(num_read, num_found) - likelihood


def most_of_sample(size: int, num_read: int, num_found: int, alpha: float) -> int:
    """At most so many of `size` labels are wrong, where so many of a random sample of a fixed size are: exact, with
    probability 1 - alpha at least."""
    found = np.arange(num_found + 1)
    all_samples = _log_choose(size, num_read)
    low, high = num_found, size - num_read + num_found
    while low < high:
        middle = (low + high + 1) // 2
        is_sample = (found <= middle) & (num_read - found <= size - middle)
        of_wrong, of_right = found[is_sample], num_read - found[is_sample]
        chances = _log_choose(middle, of_wrong) + _log_choose(size - middle, of_right) - all_samples
        low, high = (middle, high) if np.exp(chances).sum() > alpha else (low, middle - 1)
    return low


@dataclass(frozen=True, eq=False)
class ConfidenceSet:
    """The numbers of wrong labels that remain possible: every bound that is read from it holds together with all
    others, with probability 1 - alpha at least, at every moment of the reading."""

    counts: Counts
    predictor: Predictor
    alpha: float

    def most(self, is_asked: np.ndarray | None = None) -> int:
        """At most so many labels are wrong, of all strata or of those asked for, (H,) bool."""
        return self._extreme(is_asked, is_upward=True)

    def least(self, is_asked: np.ndarray | None = None) -> int:
        """At least so many labels are wrong, of all strata or of those asked for, (H,) bool."""
        return self._extreme(is_asked, is_upward=False)

    def _extreme(self, is_asked: np.ndarray | None, *, is_upward: bool) -> int:
        best, slack = self._best
        asked = np.ones(len(best), dtype=bool) if is_asked is None else is_asked
        # The evidence is convex in each stratum's number, so the cheapest way to more is that of the smallest steps.
        ends = self.limits if is_upward else self.counts.least
        costs = [self._steps(place, best[place], ends[place]) for place in np.flatnonzero(asked).tolist()]
        spent = np.cumsum(np.sort(np.concatenate(costs))) if costs else np.empty(0)
        num_steps = int(np.searchsorted(spent, slack, side="left"))
        total = int(best[asked].sum())
        return total + num_steps if is_upward else total - num_steps

    @property
    def sequence_alpha(self) -> float:
        """What the planned samples leave of alpha for all moments together."""
        return self.alpha * (1 - PLANNED_PART if (self.counts.num_planned > 0).any() else 1)

    @cached_property
    def limits(self) -> np.ndarray:
        """(H,): at most so many labels of each stratum are wrong, by what is known and by the planned samples."""
        counts = self.counts
        places = np.flatnonzero(counts.num_planned)
        limits = counts.most.copy()
        for place in places.tolist():
            size, read, found = (int(x[place]) for x in (counts.sizes, counts.num_planned, counts.planned_most))
            most = most_of_sample(size, read, found, PLANNED_PART * self.alpha / len(places))
            limits[place] = min(max(most, counts.least[place]), limits[place])
        return limits

    @cached_property
    def _best(self) -> tuple[np.ndarray, float]:
        """(H,): the numbers with the least evidence against them, and how much more evidence the set allows."""
        counts = self.counts
        share = np.divide(counts.num_found, counts.num_read, out=np.zeros(len(counts.sizes)), where=counts.num_read > 0)
        best = np.clip(np.floor(share * (counts.sizes + 1)), counts.least, self.limits).astype(np.int64)
        evidence = log_evidence(counts.sizes, best, counts.num_read, counts.num_found, self.predictor)
        return best, float(np.log(1 / self.sequence_alpha) - evidence)

    def _steps(self, place: int, start: int, end: int) -> np.ndarray:
        """The evidence that each step from start towards end adds, in one stratum."""
        numbers = np.arange(start, end) if end >= start else np.arange(start - 1, end - 1, -1)
        size, read = self.counts.sizes[place], self.counts.num_read[place]
        found = self.counts.num_found[place]
        with np.errstate(divide="ignore"):
            gained = np.log(size - numbers - read + found) + np.log(numbers + 1)
            gained -= np.log(numbers + 1 - found) + np.log(size - numbers)
        return -gained if end >= start else gained


def with_known(counts: Counts, num_wrong: np.ndarray, num_right: np.ndarray) -> Counts:
    """The counts where so many labels of each stratum, (H,), are known to be wrong and right in all."""
    return replace(counts, least=num_wrong, most=counts.sizes - num_right)


def _log_choose(total: np.ndarray | int, part: np.ndarray | int) -> np.ndarray:
    return gammaln(total + 1) - gammaln(part + 1) - gammaln(total - part + 1)


def _prior(rates: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """The parameters of beta priors with these means, in which the rarer outcome counts so many."""
    rarer = np.minimum(rates, 1 - rates)
    return strength * rates / rarer, strength * (1 - rates) / rarer
