"""How many more verdicts an audit will take, by what is believed and was read: a plan, and no part of any proof."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import betaincinv

from overread.audit.confidence_set import Counts
from overread.audit.design import AuditQuestion, Stratum, rest_set

PRIOR = 50
"""The rate of wrong labels that is believed counts as so many verdicts."""
RANGE = (0.1, 0.9)
"""Quantiles of the rate that a range of verdicts goes from and to: it is right in four of five studies, if the beliefs
are as good as `PRIOR` verdicts."""
MIN_RATE = 1e-4
NUM_POINTS = 12
"""Of a course."""


def expected_rates(num_read: np.ndarray, num_found: np.ndarray, believed: np.ndarray) -> np.ndarray:
    """(H,): rates of wrong labels among those still unread; believed: (H,) in [0, 1]."""
    return (num_found + PRIOR * believed) / (num_read + PRIOR)


def rate_quantiles(num_read: np.ndarray, num_found: np.ndarray, believed: np.ndarray, level: float) -> np.ndarray:
    """(H,): the same, at a quantile of the beta distribution that has those means."""
    believed = np.clip(believed, MIN_RATE, 1 - MIN_RATE)
    return betaincinv(num_found + PRIOR * believed, num_read - num_found + PRIOR * (1 - believed), level)


def fewest(is_enough: Callable[[int], bool], most: int) -> int | None:
    """The fewest verdicts, from 0 to `most`, that are enough; None where none is."""
    low, high = 0, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle + 1, high)
    return low if is_enough(low) else None


class Forecast:
    """What more verdicts are expected to prove of how many labels are still wrong."""

    def __init__(
        self, counts: Counts, strata: Sequence[Stratum], question: AuditQuestion, num_mended: int, allowed: int
    ) -> None:
        """counts: of the strata. num_mended: of the labels found wrong, those that are not wrong any more, less what is
        wrong elsewhere. allowed: so many labels may still be wrong."""
        self.question, self.num_mended, self.allowed = question, num_mended, allowed
        self.is_census = np.array([stratum.is_census for stratum in strata])
        self.rest = counts.part(~self.is_census)
        census = counts.part(self.is_census)
        self.known = int(census.least.sum())
        self.unread = int((census.most - census.least).sum())
        self.beliefs = [stratum.belief for stratum in strata if not stratum.is_census]
        self.believed = np.array([question.guess if each is None else each for each in self.beliefs])

    def num_to_read(self, level: float | None = None) -> int | None:
        """About how many more until the share asked for; None where all are not enough. level: at this quantile of the
        rate of wrong labels; None: at its mean."""
        left = self.rest.sizes - self.rest.num_read
        size = int(left.sum())

        def is_enough(num_more: int) -> bool:
            more = np.floor(left * num_more / max(size, 1)).astype(np.int64)
            return self._still(more, self.unread, level) <= self.allowed

        found = fewest(is_enough, size)
        return None if found is None else found + self.unread

    def to_read_range(self) -> tuple[int | None, int | None]:
        """The same, at the ends of `RANGE`."""
        return self.num_to_read(RANGE[0]), self.num_to_read(RANGE[1])

    def course(self, unread: np.ndarray, end: int | None) -> tuple[tuple[int, int], ...]:
        """Numbers of more verdicts, up to `end` (None: all), and how many labels are then still wrong at most.

        unread: (U,) int64, the stratum of each unread label, the next one first."""
        places = np.unique(
            np.linspace(0, min(len(unread), len(unread) if end is None else end), NUM_POINTS).astype(int)
        )
        numbers = np.array([np.bincount(unread[:place], minlength=len(self.is_census)) for place in places.tolist()])
        still = [self._still(more[~self.is_census], int(more[self.is_census].sum()), None) for more in numbers]
        return tuple(zip(places.tolist(), np.minimum.accumulate(still).tolist(), strict=True))

    def _still(self, more: np.ndarray, more_of_census: int, level: float | None) -> int:
        """Labels still wrong at most, once `more` of each sampled stratum are read; what is found is mended."""
        census = self.known + self.unread - more_of_census - self.num_mended
        if not len(more):
            return census
        rest = self.rest
        rates = (
            expected_rates(rest.num_read, rest.num_found, self.believed)
            if level is None
            else rate_quantiles(rest.num_read, rest.num_found, self.believed, level)
        )
        # Whole labels, to the side that the quantile is on.
        whole = np.floor if level is not None and level < 0.5 else np.ceil
        found = np.minimum(whole(more * rates), more).astype(np.int64)
        then = Counts.of(rest.sizes, rest.num_read + more, rest.num_found + found)
        # The planned labels come first; those of them that are then unread count as wrong.
        of_plan = np.minimum(more, np.maximum(rest.num_planned - rest.num_read, 0))
        found_of_plan = np.minimum(whole(of_plan * rates), of_plan).astype(np.int64)
        then = then.planned(rest.num_planned, rest.planned_most - of_plan + found_of_plan)
        return census + rest_set(then, self.beliefs, self.question).most() - int(found.sum())
