"""What an audit can say now: how many labels are still wrong at most."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from overread.audit.confidence_set import ConfidenceSet, Counts, with_known
from overread.audit.design import AuditQuestion, Stratum, rest_predictor, sampled_question
from overread.audit.forecast import Forecast
from overread.audit.outcomes import Outcome
from overread.audit.reader_accuracy import ReaderAccuracy, most_truly_wrong


@dataclass(frozen=True, slots=True)
class BulkChanges:
    """Labels that were changed without a look at each."""

    sample_ids: frozenset[str] = frozenset()
    most_not_right: Mapping[str, int] = field(default_factory=dict)
    """By the name of a group's decision: of the group's labels that nobody read, for at most so many the new label is
    not right, with the confidence 1 - `group_alpha` at every moment."""


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
    num_changed: int = 0
    """Changed without a look."""


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
    num_changed: int = 0
    """Labels changed by one decision on their group, and not read: the group's own sample bounds what is wrong."""
    most_wrong_changed: int = 0
    """Of these, at most so many: part of `most_wrong`."""
    num_unread_changes: int = 0
    """Labels changed unread that no sample says anything of: all are part of `most_wrong`."""

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
    changes: BulkChanges | None = None,
    has_forecast: bool = True,
) -> Statement:
    """order, strata: of `draw_order`. outcomes: by sample id, those that are read, in the order or not. accuracy: of
    the readers, with the confidence 1 - alpha / 4. has_forecast: whether `num_to_read` and what follows from it are
    wanted.

    Source of the sampled strata's bounds: `confidence_set`. The census needs none: its unread labels count as wrong.
    Nor do groups that one decision changed: their own samples bound them, with their part of alpha from the beginning.
    """
    changes = changes or BulkChanges()
    verdicts = _Verdicts.of(order, strata, outcomes, changes)
    counts, is_open = verdicts.counts, ~verdicts.is_decided
    sampled = sampled_question(strata, question)
    num_mended, num_changed = int(verdicts.num_mended.sum()), int(verdicts.num_changed.sum())
    num_read, num_labels = int(verdicts.num_read.sum()), len(order)
    most_changed = sum(
        min(int(number), changes.most_not_right[stratum.group])
        for stratum, number, is_decided in zip(strata, verdicts.num_changed, verdicts.is_decided, strict=True)
        if is_decided
    )
    of_decided = int((counts.most - verdicts.num_mended - verdicts.num_changed)[~is_open].sum())
    num_unread_changes = int(verdicts.num_changed[is_open].sum())
    num_not_sampled = most_changed + of_decided + num_unread_changes
    num_mended_open = int(verdicts.num_mended[is_open].sum())

    def kept(number: int) -> int:
        return min(max(number, 0), num_labels)

    most = _most(counts, strata, sampled, sampled.alpha, is_open)
    still = kept(most - num_mended_open + num_not_sampled)
    allowed = math.floor(question.max_wrong * num_labels)
    to_read, to_read_range = (0 if still <= allowed else None), None
    expected: tuple[tuple[int, int], ...] = ()
    if to_read is None and has_forecast:
        of_open = [stratum for stratum, keeps in zip(strata, is_open, strict=True) if keeps]
        forecast = Forecast(counts.part(is_open), of_open, sampled, num_mended_open - num_not_sampled, allowed)
        to_read, to_read_range = forecast.num_to_read(), forecast.to_read_range()
        unread = verdicts.numbers[~verdicts.is_read & is_open[verdicts.numbers]]
        expected = forecast.course((np.cumsum(is_open) - 1)[unread], to_read)
    return Statement(
        num_labels=num_labels,
        num_read=num_read,
        most_wrong=still,
        num_mended=num_mended,
        num_ambiguous=sum(tally.outcomes.get(Outcome.AMBIGUOUS, 0) for tally in verdicts.tallies),
        num_to_read=to_read,
        to_read_range=to_read_range,
        expected=expected,
        num_changed=num_changed - num_unread_changes,
        most_wrong_changed=most_changed,
        num_unread_changes=num_unread_changes,
        tallies=verdicts.tallies,
        accuracy=accuracy,
        # No sample says how readers err on what a group's decision changed: all of that counts as wrong.
        most_truly_wrong=None
        if accuracy is None
        else kept(
            num_changed
            + most_truly_wrong(
                _most(counts, strata, sampled, sampled.alpha / 2, np.ones(len(strata), dtype=bool)),
                num_mended,
                num_read,
                num_labels,
                accuracy,
                alpha=question.alpha / 4,
            )
        ),
    )


def _most(
    counts: Counts, strata: Sequence[Stratum], question: AuditQuestion, alpha: float, is_asked: np.ndarray
) -> int:
    """At most so many labels of the strata asked for, (H,) bool, were wrong before any was mended."""
    is_census = np.array([stratum.is_census for stratum in strata])
    beliefs = [stratum.belief for stratum in strata if not stratum.is_census]
    of_census = int(counts.most[is_census & is_asked].sum())
    if not beliefs:
        return of_census
    # Of all sampled strata, whichever are asked for: the same evidence at every moment.
    sampled = ConfidenceSet(counts.part(~is_census), rest_predictor(beliefs, question), alpha)
    return of_census + sampled.most(is_asked[~is_census])


@dataclass(frozen=True, eq=False)
class _Verdicts:
    """What is read of M labels in H strata."""

    numbers: np.ndarray
    """(M,) int64: the stratum of each label, in the order of the draw."""
    is_read: np.ndarray
    """(M,) bool."""
    is_decided: np.ndarray
    """(H,) bool: groups that one decision changed, of which a sample of their own bounds what is wrong."""
    counts: Counts
    num_read: np.ndarray
    """(H,) int64."""
    num_mended: np.ndarray
    """(H,) int64: found wrong, and not wrong any more."""
    num_changed: np.ndarray
    """(H,) int64: changed without a look."""
    tallies: tuple[StratumTally, ...]

    @classmethod
    def of(
        cls, order: pd.DataFrame, strata: Sequence[Stratum], outcomes: Mapping[str, Outcome], changes: BulkChanges
    ) -> "_Verdicts":
        ids, numbers = order["sample_id"].tolist(), order["stratum"].to_numpy(dtype=np.int64)
        found = [outcomes.get(sample_id) for sample_id in ids]
        is_read = np.array([each is not None for each in found], dtype=bool)
        is_wrong = np.array([each is not None and each.counts_as_wrong for each in found], dtype=bool)
        is_mended = np.array([each is not None and each.is_mended for each in found], dtype=bool)
        is_changed = np.array([sample_id in changes.sample_ids for sample_id in ids], dtype=bool) & ~is_read

        def number(mask: np.ndarray) -> np.ndarray:
            return np.bincount(numbers[mask], minlength=len(strata))

        num_changed = number(is_changed)
        is_decided = np.array([stratum.group in changes.most_not_right for stratum in strata]) & (num_changed > 0)
        is_rest = np.array([not stratum.is_census for stratum in strata])[numbers]
        is_counted = _before_gap(is_rest, is_read)
        if is_decided.any():
            # The order goes on without what a decision changed; of that, what was counted stays so.
            is_counted |= _before_gap(is_rest & ~is_decided[numbers], is_read)
        counts = with_known(
            Counts.of(number(np.ones(len(order), dtype=bool)), number(is_counted), number(is_counted & is_wrong)),
            number(is_wrong),
            number(is_read & ~is_wrong),
        )
        num_planned = np.array([stratum.num_planned for stratum in strata])
        is_planned = order.groupby("stratum").cumcount().to_numpy() < num_planned[numbers]
        counts = counts.planned(num_planned, number(is_planned & (~is_read | is_wrong)))
        by_stratum = [Counter[str]() for _ in strata]
        for place in np.flatnonzero(is_read).tolist():
            by_stratum[numbers[place]][str(found[place])] += 1
        num_read = number(is_read)
        tallies = tuple(
            StratumTally(
                stratum=stratum,
                num_in_order=int(counts.num_read[place]),
                num_read=int(num_read[place]),
                num_wrong=int(counts.least[place]),
                outcomes=dict(by_stratum[place]),
                num_changed=int(num_changed[place]),
            )
            for place, stratum in enumerate(strata)
        )
        return cls(numbers, is_read, is_decided, counts, num_read, number(is_mended), num_changed, tallies)


def _before_gap(is_asked: np.ndarray, is_read: np.ndarray) -> np.ndarray:
    """(M,) bool: the labels asked for up to the first one that is not read.

    One order over all sampled strata: a reader who looks at an image and leaves it out then changes nothing but the
    moment at which the bound is read."""
    gaps = np.flatnonzero(is_asked & ~is_read)
    return is_asked & (np.arange(len(is_asked)) < (gaps[0] if len(gaps) else len(is_asked)))
