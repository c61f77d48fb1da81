"""How many of the proposals are wrong labels at least, for every cut-off at once."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from overread.audit.confidence_set import ConfidenceSet, Counts, Predictor, with_known
from overread.audit.design import AuditQuestion
from overread.audit.forecast import RANGE, expected_rates, fewest, rate_quantiles
from overread.audit.outcomes import Outcome

PROPOSAL_GUESS = 0.9
"""The share of wrong labels among proposals at which a lower bound is hoped to be good."""
NUM_BINS = 4
"""Of the proposals by probability, each with a number of its own that is bounded."""
MIN_BIN = 20


@dataclass(frozen=True, slots=True)
class ProposalBounds:
    """Of the proposals, the surest first."""

    cut_offs: tuple[int, ...]
    """Of so many proposals ..."""
    least_wrong: tuple[int, ...]
    """... at least so many are wrong labels: all of these hold together."""
    num_read: int
    num_to_read: int | None = None
    """About so many more until the share asked for is proved of all proposals; None where it is not asked for, or all
    of them are not enough."""
    to_read_range: tuple[int | None, int | None] | None = None


def proposal_bounds(
    order: pd.DataFrame,
    proposals: Sequence[str],
    belief: np.ndarray,
    outcomes: Mapping[str, Outcome],
    question: AuditQuestion,
    *,
    has_forecast: bool = True,
) -> ProposalBounds:
    """At least how many of the surest N proposals are wrong labels, for every N at once.

    order: of `draw_order`. proposals: (P,) sample ids, the surest first; belief: (P,) their probabilities. Every
    proposal counts as wrong only where a reader found it so (corrected, or excluded). The bound rests on the order, in
    which the labels of a stratum come at random, and on what is read out of order.
    """
    num = len(proposals)
    if not num:
        return ProposalBounds((), (), 0)
    rank, bins, cells = proposal_cells(order, proposals)
    found = [outcomes.get(one) for one in proposals]
    is_read = np.array([each is not None for each in found], dtype=bool)
    is_wrong = np.array([each is not None and each.is_mended for each in found], dtype=bool)
    unread_ranks = rank[~is_read]
    is_counted = rank < (unread_ranks.min() if len(unread_ranks) else len(order))
    num_cells = int(cells.max()) + 1

    def number(mask: np.ndarray) -> np.ndarray:
        return np.bincount(cells[mask], minlength=num_cells)

    sizes = number(np.ones(num, dtype=bool))
    counts = with_known(
        Counts.of(sizes, number(is_counted), number(is_counted & is_wrong)),
        number(is_wrong),
        number(is_read & ~is_wrong),
    )
    believed = np.bincount(cells, belief, num_cells) / sizes
    predictor = proposal_predictor(believed)
    chosen = ConfidenceSet(counts, predictor, question.alpha)
    least = np.cumsum(is_wrong)
    possible = np.cumsum(~is_read | is_wrong)
    for end in np.flatnonzero(np.diff(bins, append=-1)):
        bound = chosen.least(np.isin(np.arange(num_cells), cells[: end + 1]))
        # Of the surest N: those of the bin's end that cannot all lie beyond N, or that are found between.
        least = np.where(
            np.arange(num) <= end,
            np.maximum(least, bound - (possible[end] - possible)),
            np.maximum(least, bound + (np.cumsum(is_wrong) - np.cumsum(is_wrong)[end])),
        )
    least = np.maximum(least, 0)
    bounds = ProposalBounds(tuple(range(1, num + 1)), tuple(least.tolist()), int(is_read.sum()))
    if question.min_precision is None or not has_forecast:
        return bounds
    wanted, proved = math.ceil(question.min_precision * num - 1e-9), int(least[-1])

    def to_read(level: float | None = None) -> int | None:
        return 0 if proved >= wanted else _num_to_read(counts, believed, predictor, question.alpha, wanted, level)

    return replace(bounds, num_to_read=to_read(), to_read_range=(to_read(RANGE[1]), to_read(RANGE[0])))


def proposal_bins(num: int) -> np.ndarray:
    """(num,) int64: the bin of each proposal, the surest first."""
    return np.minimum(np.arange(num) * max(min(NUM_BINS, num // MIN_BIN), 1) // num, NUM_BINS - 1)


def proposal_cells(order: pd.DataFrame, proposals: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(P,) int64 each: a proposal's place in the order; its bin, the surest first; and its cell, the part of a bin in
    one stratum, of which the number of wrong labels is bounded."""
    bins = proposal_bins(len(proposals))
    rank = pd.Index(order["sample_id"], dtype=object).get_indexer(pd.Index(proposals, dtype=object))
    stratum = order["stratum"].to_numpy()[rank]
    cells = np.unique(np.stack([bins, stratum], axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    return rank, bins, cells


def proposal_predictor(believed: np.ndarray) -> Predictor:
    """believed: (C,), the mean probability of each cell."""
    return Predictor.of(np.full(len(believed), PROPOSAL_GUESS), believed)


def _num_to_read(
    counts: Counts, believed: np.ndarray, predictor: Predictor, alpha: float, wanted: int, level: float | None
) -> int | None:
    """About how many more until `wanted` are proved to be wrong labels; level: at this quantile of the rate of wrong
    labels, None: at its mean."""
    left = counts.sizes - counts.num_read
    size = int(left.sum())
    rates = (
        expected_rates(counts.num_read, counts.num_found, believed)
        if level is None
        else rate_quantiles(counts.num_read, counts.num_found, believed, level)
    )

    def is_enough(num_more: int) -> bool:
        more = np.floor(left * num_more / max(size, 1)).astype(np.int64)
        found = np.floor(more * rates).astype(np.int64)
        then = Counts.of(counts.sizes, counts.num_read + more, counts.num_found + found)
        return ConfidenceSet(then, predictor, alpha).least() >= wanted

    return fewest(is_enough, size)
