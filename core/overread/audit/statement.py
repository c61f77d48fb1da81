"""What an audit can say now: how many labels are still wrong at most."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from overread.audit.confidence_set import ConfidenceSet, Counts, with_known
from overread.audit.design import AuditQuestion, Stratum, rest_predictor
from overread.audit.forecast import Forecast
from overread.audit.outcomes import Outcome
from overread.audit.reader_accuracy import ReaderAccuracy, most_truly_wrong


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
    """About so many more until `most_wrong` is `max_wrong`; None where all of them are not enough."""
    tallies: tuple[StratumTally, ...]
    accuracy: ReaderAccuracy | None = None
    """Of the readers; None where too few labels were read twice."""
    most_truly_wrong: int | None = None
    """At most so many labels are still wrong, readers' errors allowed for; None where their accuracy is not known."""
    to_read_range: tuple[int | None, int | None] | None = None
    """Of `num_to_read`, as `forecast` means it; None where no forecast was wanted, or none is needed."""
    expected: tuple[tuple[int, int], ...] = ()
    """So many more verdicts, and how many labels are then expected to be still wrong at most."""

    @property
    def share(self) -> float:
        """`most_wrong` as a share of all labels, in [0, 1]."""
        return self.most_wrong / self.num_labels


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
    has_forecast: whether `num_to_read` and what follows from it are wanted.

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
    to_read, to_read_range = (0 if still <= allowed else None), None
    expected: tuple[tuple[int, int], ...] = ()
    if to_read is None and has_forecast:
        forecast = Forecast(counts, strata, question, num_mended - unread_changes)
        to_read, to_read_range = forecast.num_to_read(), forecast.to_read_range()
        unread = np.flatnonzero(~order["sample_id"].isin(list(outcomes)).to_numpy())
        expected = forecast.course(order["stratum"].to_numpy(dtype=np.int64)[unread], to_read)
    return Statement(
        num_labels=num_labels,
        num_read=num_read,
        most_wrong=still,
        num_mended=num_mended,
        num_ambiguous=found[Outcome.AMBIGUOUS],
        num_to_read=to_read,
        to_read_range=to_read_range,
        expected=expected,
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
    sampled = ConfidenceSet(counts.part(~is_census), rest_predictor(beliefs, question), alpha)
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
