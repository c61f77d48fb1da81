"""What an audit can say now: how many labels are still wrong at most, and how many proposals are wrong at least."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from overread.audit.confidence_set import ConfidenceSet, Counts, Predictor, with_known
from overread.audit.design import AuditQuestion, Stratum, most_of_rest, rest_predictor
from overread.audit.outcomes import Outcome
from overread.audit.reader_accuracy import ReaderAccuracy, most_truly_wrong

PROPOSAL_GUESS = 0.9
"""The share of wrong labels among proposals at which a lower bound is hoped to be good."""
NUM_BINS = 4
"""Of the proposals by probability, each with a number of its own that is bounded."""
MIN_BIN = 20
FORECAST_PRIOR = 50
"""The rate of wrong labels that is expected counts as so many verdicts in a forecast, and in nothing else."""


@dataclass(frozen=True, slots=True)
class StratumTally:
    """The verdicts on one stratum."""

    stratum: Stratum
    num_in_order: int
    """Read in the order of the draw, without a gap: what the bound rests on."""
    num_read: int
    num_wrong: int
    """Of those read, wrong or not known to be right."""
    outcomes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Statement:
    """What the verdicts of a moment prove, with the confidence asked for; `most_wrong` at all moments together."""

    num_labels: int
    num_read: int
    most_wrong: int
    """At most so many labels are still wrong, if readers are taken at their word."""
    num_mended: int
    num_ambiguous: int
    num_to_read: int | None
    """About so many more until `most_wrong` is the share asked for; None where all of them are not enough."""
    tallies: tuple[StratumTally, ...]
    accuracy: ReaderAccuracy | None = None
    """Of the readers; None where too few labels were read twice."""
    most_truly_wrong: int | None = None
    """At most so many labels are still wrong, readers' errors allowed for; None where their accuracy is not known."""

    @property
    def share(self) -> float:
        """`most_wrong` as a share of all labels, in [0, 1]."""
        return self.most_wrong / self.num_labels


@dataclass(frozen=True, slots=True)
class ProposalBounds:
    """Of the proposals, the surest first."""

    cut_offs: tuple[int, ...]
    """Of so many proposals ..."""
    least_wrong: tuple[int, ...]
    """... at least so many are wrong labels: all of these hold together."""
    num_read: int


def make_statement(
    order: pd.DataFrame,
    strata: Sequence[Stratum],
    question: AuditQuestion,
    outcomes: Mapping[str, Outcome],
    *,
    accuracy: ReaderAccuracy | None = None,
    unread_changes: int = 0,
    has_forecast: bool = True,
) -> Statement:
    """order, strata: of `draw_order`. outcomes: by sample id, those that are read, in the order or not. accuracy: of
    the readers, with the confidence 1 - alpha / 4. unread_changes: labels that were changed and that nobody read.
    has_forecast: whether `num_to_read` is wanted.

    Source of the sampled strata's bound: `confidence_set`. The census needs none: its unread labels count as wrong.
    """
    tallies, counts = _tallies(order, strata, outcomes)
    found = Counter(outcomes[one] for one in order["sample_id"].tolist() if one in outcomes)
    num_mended = sum(number for outcome, number in found.items() if outcome.is_mended)
    num_read, num_labels = found.total(), len(order)

    def kept(number: int) -> int:
        return min(max(number + unread_changes, 0), num_labels)

    still = kept(_most(counts, strata, question, question.alpha) - num_mended)
    allowed = math.floor(question.max_wrong * num_labels)
    to_read = 0 if still <= allowed else None
    if to_read is None and has_forecast:
        to_read = _to_read(tallies, counts, question, allowed + num_mended)
    return Statement(
        num_labels=num_labels,
        num_read=num_read,
        most_wrong=still,
        num_mended=num_mended,
        num_ambiguous=found[Outcome.AMBIGUOUS],
        num_to_read=to_read,
        tallies=tallies,
        accuracy=accuracy,
        most_truly_wrong=None
        if accuracy is None
        else kept(
            most_truly_wrong(
                _most(counts, strata, question, question.alpha / 2),
                num_mended,
                num_read,
                num_labels,
                accuracy,
                alpha=question.alpha / 4,
            )
        ),
    )


def _most(counts: Counts, strata: Sequence[Stratum], question: AuditQuestion, alpha: float) -> int:
    """At most so many labels were wrong before any was mended."""
    is_census = np.array([stratum.is_census for stratum in strata])
    beliefs = [stratum.belief for stratum in strata if not stratum.is_census]
    if not beliefs:
        return int(counts.most.sum())
    sampled = ConfidenceSet(_part(counts, ~is_census), rest_predictor(beliefs, question), alpha)
    return int(counts.most[is_census].sum()) + sampled.most()


def _tallies(
    order: pd.DataFrame, strata: Sequence[Stratum], outcomes: Mapping[str, Outcome]
) -> tuple[tuple[StratumTally, ...], Counts]:
    numbers = order["stratum"].to_numpy(dtype=np.int64)
    found = [outcomes.get(sample_id) for sample_id in order["sample_id"].tolist()]
    is_read = np.array([each is not None for each in found], dtype=bool)
    is_wrong = np.array([each is not None and each.counts_as_wrong for each in found], dtype=bool)
    is_rest = np.array([not stratum.is_census for stratum in strata])[numbers]
    # One order over all sampled strata up to its first gap: a reader who looks at an image and leaves it out then
    # changes nothing but the moment at which the bound is read.
    gaps = np.flatnonzero(is_rest & ~is_read)
    is_counted = is_rest & (np.arange(len(order)) < (gaps[0] if len(gaps) else len(order)))
    num = len(strata)

    def number(mask: np.ndarray) -> np.ndarray:
        return np.bincount(numbers[mask], minlength=num)

    sizes = number(np.ones(len(order), dtype=bool))
    counts = with_known(
        Counts.of(sizes, number(is_counted), number(is_counted & is_wrong)),
        number(is_wrong),
        number(is_read & ~is_wrong),
    )
    by_stratum = [Counter[str]() for _ in strata]
    for place in np.flatnonzero(is_read).tolist():
        by_stratum[numbers[place]][str(found[place])] += 1
    tallies = tuple(
        StratumTally(
            stratum=stratum,
            num_in_order=int(counts.num_read[place]),
            num_read=int(number(is_read)[place]),
            num_wrong=int(counts.least[place]),
            outcomes=dict(by_stratum[place]),
        )
        for place, stratum in enumerate(strata)
    )
    return tallies, counts


def _part(counts: Counts, is_asked: np.ndarray) -> Counts:
    return Counts(
        *(values[is_asked] for values in (counts.sizes, counts.num_read, counts.num_found, counts.least, counts.most))
    )


def _to_read(tallies: Sequence[StratumTally], counts: Counts, question: AuditQuestion, allowed: int) -> int | None:
    """About how many more verdicts until at most `allowed` labels are wrong, those found then not counted."""
    is_census = np.array([each.stratum.is_census for each in tallies])
    rest, beliefs = _part(counts, ~is_census), [each.stratum.belief for each in tallies if not each.stratum.is_census]
    census = [each for each in tallies if each.stratum.is_census]
    unread = sum(each.stratum.size - each.num_read for each in census)
    known = sum(each.num_wrong for each in census)
    if not len(rest.sizes):
        return unread if known + unread > allowed else 0
    expected = np.array([question.guess if belief is None else belief for belief in beliefs])
    rates = (rest.num_found + FORECAST_PRIOR * expected) / (rest.num_read + FORECAST_PRIOR)
    left = rest.sizes - rest.num_read
    size = int(left.sum())

    def is_enough(num_more: int) -> bool:
        more = np.floor(left * num_more / max(size, 1)).astype(np.int64)
        found = np.ceil(more * rates).astype(np.int64)
        most = most_of_rest(rest.sizes, rest.num_read + more, rest.num_found + found, beliefs, question)
        # What is found in the census is mended, and so is what is found in the rest.
        return most - int(found.sum()) + known <= allowed

    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle + 1, high)
    return low + unread if is_enough(low) else None


def proposal_bounds(
    order: pd.DataFrame, proposals: Sequence[str], belief: np.ndarray, outcomes: Mapping[str, Outcome], alpha: float
) -> ProposalBounds:
    """At least how many of the surest N proposals are wrong labels, for every N at once.

    proposals: (P,) sample ids, the surest first; belief: (P,) their probabilities. Every proposal counts as wrong only
    where a reader found it so (corrected, or excluded). The bound rests on the order of `draw_order`, in which the
    labels of a stratum come at random, and on what is read out of order.
    """
    num = len(proposals)
    bins = np.minimum(np.arange(num) * max(min(NUM_BINS, num // MIN_BIN), 1) // max(num, 1), NUM_BINS - 1)
    rank = pd.Index(order["sample_id"], dtype=object).get_indexer(pd.Index(proposals, dtype=object))
    stratum = order["stratum"].to_numpy()[rank]
    cells = np.unique(np.stack([bins, stratum], axis=1), axis=0, return_inverse=True)[1].reshape(-1) if num else bins
    found = [outcomes.get(one) for one in proposals]
    is_read = np.array([each is not None for each in found], dtype=bool)
    is_wrong = np.array([each is not None and each.is_mended for each in found], dtype=bool)
    unread_ranks = rank[~is_read]
    is_counted = rank < (unread_ranks.min() if len(unread_ranks) else len(order))
    num_cells = int(cells.max()) + 1 if num else 0

    def number(mask: np.ndarray) -> np.ndarray:
        return np.bincount(cells[mask], minlength=num_cells)

    sizes = number(np.ones(num, dtype=bool))
    if not num_cells:
        return ProposalBounds((), (), 0)
    counts = with_known(
        Counts.of(sizes, number(is_counted), number(is_counted & is_wrong)),
        number(is_wrong),
        number(is_read & ~is_wrong),
    )
    predictor = Predictor.of(
        np.full(num_cells, PROPOSAL_GUESS), np.bincount(cells, belief, num_cells) / np.maximum(sizes, 1)
    )
    chosen = ConfidenceSet(counts, predictor, alpha)
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
    return ProposalBounds(tuple(range(1, num + 1)), tuple(np.maximum(least, 0).tolist()), int(is_read.sum()))
