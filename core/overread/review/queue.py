"""Which samples a reader is shown, and in what order."""

import hashlib
import math
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import median

import numpy as np
import pandas as pd

from overread.records import Decision
from overread.review.queue_choice import QueueChoice, QueueOrder, QueuePart
from overread.review.row_rules import BULK

MAX_TIMED_S = 120.0
"""A verdict that took longer counts as this long: the reader was away."""
PACE_PRIOR = 10
"""The overall median weighs as much as so many verdicts on a class pair."""
REPEAT_GAP = 50
"""A sample comes again after at least so many others."""
REPEAT_SHARE = 10
"""One decided sample in so many comes again."""
FILTERS = ("given", "likely", "kind", "slide", "group", "selection")
"""The fields of a choice that are filters; and what they look at:"""
FILTERED = ("given_label", "likely_label", "kind", "slide", "group", "selection")


@dataclass(frozen=True)
class DrawnSample:
    """The labels that an open audit has drawn: they are mixed into the queue in place of controls of its own."""

    ranks: Mapping[str, int]
    """Sample id to its place in the order of the draw."""
    in_order: Collection[str]
    """Those that must be read in that order, proposed or not."""
    finds_errors: bool = False
    """Whether the queue begins with what brings most errors for a minute's reading, and the labels of `in_order` are
    spread over it; else it begins with the drawn labels."""
    pace: "Pace | None" = None
    """Of that order; None: every sample takes as long."""


def review_order(
    scores: pd.DataFrame,
    choice: QueueChoice | None = None,
    *,
    pace: "Pace | None" = None,
    drawn: DrawnSample | None = None,
    seed: int = 0,
) -> list[str]:
    """The ids of the samples that a choice lets through, decided or not, the next one first.

    scores: scores.csv, with sample_id, given_label, label_error_probability in [0, 1] (1 is a wrong label) and
    is_proposed (bool); with likely_label (`likely_labels`), kind, slide, group (its value in the column that the choice
    groups by) and selection (the name of the one that a sample is in) where the choice or the order needs them.
    choice: None: the run's proposals. pace: for the order of that name; None: every sample takes as long. drawn: of the
    open audit, for a choice without filters; a random order is then that of the draw. seed draws the controls and their
    positions.

    Probabilities count to two digits: further digits mean nothing, and would bring one class after the other. Ties, and
    the controls among themselves, follow a hash of sample_id: the order of files would reveal the truth where they are
    sorted by class.
    """
    choice = choice or QueueChoice()
    is_shown = chosen_samples(scores, choice.min_probability)
    if drawn is not None and not any(getattr(choice, name) for name in FILTERS):
        return _with_sample(scores, is_shown, choice, pace, drawn, seed)
    is_control = ~is_shown & ~scores["is_proposed"].to_numpy(dtype=bool) & (choice.num_controls > 0)
    # A control has no kind.
    is_control &= matches(scores, choice, columns=("given_label", "likely_label", "slide", "group", "selection"))
    return _mix(
        _ranked(scores[is_shown & matches(scores, choice)], choice.order, pace),
        _draw(scores.loc[is_control, "sample_id"].tolist(), choice.num_controls, seed),
        np.random.default_rng(seed),
    )


def _with_sample(
    scores: pd.DataFrame, is_shown: np.ndarray, choice: QueueChoice, pace: "Pace | None", drawn: DrawnSample, seed: int
) -> list[str]:
    """is_shown: (N,) bool, what the choice lets through without the audit."""
    ids, ranks = scores["sample_id"], drawn.ranks
    is_drawn, order = ids.isin(list(ranks)).to_numpy(), choice.order
    if drawn.finds_errors and order is not QueueOrder.RANDOM:
        is_mixed = is_drawn & ids.isin(list(drawn.in_order)).to_numpy()
        if order is QueueOrder.PROBABILITY:
            order, pace = QueueOrder.PACE, drawn.pace
        ranked = _ranked(scores[(is_shown | is_drawn) & ~is_mixed], order, pace)
        return _mix(ranked, sorted(ids[is_mixed], key=ranks.__getitem__), np.random.default_rng(seed))
    return sorted(ids[is_drawn], key=ranks.__getitem__) + _ranked(scores[is_shown & ~is_drawn], order, pace)


def matches(
    scores: pd.DataFrame,
    choice: QueueChoice,
    *,
    columns: Collection[str] = FILTERED,
) -> np.ndarray:
    """(N,) bool: the samples that pass the choice's filters on these columns."""
    group = choice.group[1] if choice.group else None
    values = (choice.given, choice.likely, choice.kind, choice.slide, group, choice.selection)
    wanted = dict(zip(FILTERED, values, strict=True))
    is_match = np.ones(len(scores), dtype=bool)
    for name in columns:
        if wanted[name] is not None:
            is_match &= scores[name].to_numpy(dtype=object) == wanted[name]
    return is_match


def chosen_samples(scores: pd.DataFrame, min_probability: float | None = None) -> np.ndarray:
    """(N,) bool: the samples to review.

    min_probability: in (0, 1]; all samples with at least this error probability, proposed by the run or not. None: the
    run's proposals. The only sample of a class is never chosen: nothing is known about that class.
    """
    if min_probability is None:
        return scores["is_proposed"].to_numpy(dtype=bool)
    counts = scores["given_label"].value_counts()
    is_single = scores["given_label"].isin(counts.index[counts < 2]).to_numpy()
    return (scores["label_error_probability"].to_numpy() >= min_probability) & ~is_single


def likely_labels(scores: pd.DataFrame) -> np.ndarray:
    """(N,) str: the label to show beside the given one: the proposed one, or else the most probable other class.

    scores: scores.csv, with a column p_<class> for each of two or more classes.
    """
    columns = [column for column in scores.columns if column.startswith("p_")]
    classes = np.array([column.removeprefix("p_") for column in columns], dtype=object)
    given = scores["given_label"].to_numpy(dtype=object)
    others = np.where(classes == given[:, None], -1.0, scores[columns].to_numpy(dtype=float))
    is_proposed = scores["is_proposed"].to_numpy(dtype=bool)
    return np.where(is_proposed, scores["proposed_label"].to_numpy(dtype=object), classes[others.argmax(axis=1)])


@dataclass(frozen=True)
class Pace:
    """How long a verdict is expected to take, by its class pair."""

    overall_s: float
    by_pair_s: dict[tuple[str, str], float]
    """(given label, label beside it) to seconds."""

    @classmethod
    def of(cls, decisions: Iterable[Decision]) -> "Pace | None":
        """From a reader's own verdicts: the median of each class pair, shrunk to the median of all. Verdicts of more
        than `MAX_TIMED_S` count as that long. None where no verdict was timed."""
        seconds = defaultdict(list)
        for decision in decisions:
            verdict = decision.verdict
            if verdict.elapsed_ms > 0:
                timed_s = min(verdict.elapsed_ms / 1000, MAX_TIMED_S)
                seconds[verdict.given_label, verdict.proposed_label].append(timed_s)
        if not seconds:
            return None
        overall_s = median(each for several in seconds.values() for each in several)
        by_pair_s = {
            pair: (len(several) * median(several) + PACE_PRIOR * overall_s) / (len(several) + PACE_PRIOR)
            for pair, several in seconds.items()
        }
        return cls(overall_s, by_pair_s)

    def seconds(self, given: str, likely: str) -> float:
        """Expected for a sample of that pair."""
        return self.by_pair_s.get((given, likely), self.overall_s)


@dataclass(frozen=True)
class ReaderMarks:
    """What a reader did with the samples of a study."""

    decided: Collection[str] = ()
    noted: Collection[str] = ()
    """Decided with a note before this queue was chosen."""
    later: Sequence[str] = ()
    """Put off, the earliest first."""
    repeats: Sequence[str] = ()
    """Decided ones that are due to be shown again (`due_repeats`)."""


def waiting_samples(
    order: Iterable[str], choice: QueueChoice, marks: ReaderMarks, *, is_chosen: Callable[[str], bool]
) -> Iterator[str]:
    """The ids of the samples that wait for a reader, the next one first.

    order: of `review_order` for the choice; is_chosen: whether a sample is in it. Repeats come first, since they are
    due; samples that were put off come last, in the order in which they were.
    """
    repeats = list(filter(is_chosen, marks.repeats)) if choice.repeats else []
    put_off = dict.fromkeys(filter(is_chosen, marks.later))
    if choice.only is QueuePart.NOTED:
        found: Iterable[str] = (sample_id for sample_id in order if sample_id in marks.noted)
        last = [sample_id for sample_id in put_off if sample_id in marks.noted]
    else:
        found = chain(repeats, (sample_id for sample_id in order if sample_id not in marks.decided))
        last = [sample_id for sample_id in put_off if sample_id not in marks.decided or sample_id in repeats]
    if choice.only is not QueuePart.LATER:
        yield from (sample_id for sample_id in found if sample_id not in put_off)
    yield from last


def due_repeats(decisions: Iterable[Decision]) -> list[str]:
    """The ids of the samples that are due to be shown again, the earliest first.

    decisions: a reader's standing ones, the newest of each sample. One sample in `REPEAT_SHARE`, drawn by a hash of its
    id, comes again when the reader has decided `REPEAT_GAP` others since, and only once: a sample that was decided
    again does not come a third time. Verdicts in bulk are no readings of one image, and say nothing of consistency.
    """
    single = (decision for decision in decisions if decision.verdict.protocol != BULK)
    in_sequence = sorted(single, key=lambda decision: decision.sequence)
    return [
        decision.verdict.sample_id
        for decision in in_sequence[: max(len(in_sequence) - REPEAT_GAP, 0)]
        if not decision.verdict.follows and is_repeated(decision.verdict.sample_id)
    ]


def is_repeated(sample_id: str) -> bool:
    """Whether a sample is one of those that come again."""
    return zlib.crc32(sample_id.encode()) % REPEAT_SHARE == 0


def _ranked(shown: pd.DataFrame, order: QueueOrder, pace: Pace | None) -> list[str]:
    """The ids in that order."""
    ids = shown["sample_id"].tolist()
    probability = shown["label_error_probability"].tolist()
    ties = [_digest("tie", sample_id) for sample_id in ids]
    keys: Iterable[tuple[object, ...]]
    match order:
        case QueueOrder.RANDOM:
            keys = [(_digest("random", sample_id),) for sample_id in ids]
        case QueueOrder.PACE if pace is not None:
            labels = zip(shown["given_label"], shown["likely_label"], strict=True)
            seconds = [pace.seconds(given, likely) for given, likely in labels]
            keys = [
                (-share / each_s, tie)
                for share, each_s, tie in zip(map(_two_digits, probability), seconds, ties, strict=True)
            ]
        case QueueOrder.CLASS_PAIR:
            pairs = list(zip(shown["given_label"], shown["likely_label"], strict=True))
            expected: dict[tuple[str, str], float] = defaultdict(float)
            for pair, share in zip(pairs, probability, strict=True):
                expected[pair] += share
            keys = [
                (-expected[pair], pair, -_two_digits(share), tie)
                for pair, share, tie in zip(pairs, probability, ties, strict=True)
            ]
        case _:
            keys = [(-_two_digits(share), tie) for share, tie in zip(probability, ties, strict=True)]
    return [sample_id for _, sample_id in sorted(zip(keys, ids, strict=True))]


def _two_digits(probability: float) -> float:
    return math.floor(100 * probability + 1e-9) / 100


def _draw(sample_ids: list[str], num_controls: int, seed: int) -> list[str]:
    # By hash and not by position: the order of the rows does not matter.
    return sorted(sample_ids, key=lambda sample_id: _digest(f"control {seed}", sample_id))[:num_controls]


def _mix(proposals: list[str], controls: list[str], rng: np.random.Generator) -> list[str]:
    num_total = len(proposals) + len(controls)
    places = set(rng.choice(num_total, size=len(controls), replace=False).tolist()) if controls else set()
    remaining, drawn = iter(proposals), iter(controls)
    return [next(drawn) if place in places else next(remaining) for place in range(num_total)]


def _digest(purpose: str, sample_id: str) -> str:
    return hashlib.sha256(f"{purpose}\n{sample_id}".encode()).hexdigest()
