"""Samples on which readers want different labels, the rounds in which they look again, and what comes of it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from overread.records import VerdictKind
from overread.review.chain import LedgerRow
from overread.review.final_labels import Settled
from overread.review.row_rules import KEEPING_KINDS, LABELLING_KINDS

SECOND_KIND = "second"
ADJUDICATION_KIND = "adjudication"
ROUND_KIND = "round"
UNRESOLVED = "unresolved"
"""What an adjudicator says where the image does not tell."""
EXCLUDE = VerdictKind.EXCLUDE.value


class Round(StrEnum):
    """A look at disputed samples after the first, independent one; the owner opens it."""

    SECOND = "second"
    """Each reader sees the others' labels and notes, without names, and keeps or changes their own."""
    ADJUDICATION = "adjudication"
    """An adjudicator decides."""


class DisputeState(StrEnum):
    """How far a dispute has come."""

    OPEN = "open"
    """No round was opened for it yet."""
    SECOND_ROUND = "second round"
    """The second label of a reader is awaited."""
    AGREED = "agreed"
    """In the second round all came to one label."""
    STILL_DISPUTED = "still disputed"
    """They did not, and it is not put to an adjudicator yet."""
    FOR_ADJUDICATION = "for adjudication"
    ADJUDICATED = "adjudicated"
    UNRESOLVED = "unresolved"
    """The adjudicator has said that it cannot be resolved."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """One person's label of a sample, in one round."""

    label: str
    """Class name; empty where the sample is to be excluded."""
    note: str = ""
    doubt: str = ""
    """`ambiguous` or `cannot_judge`, where their label is the given one for that reason; else empty."""


@dataclass(slots=True)
class Dispute:
    """One sample on which readers differ."""

    sample_id: str
    given_label: str
    first: Mapping[str, Opinion]
    """Each reader's own label, found independently, by name: as it stood when a round was opened, else as it stands."""
    second: dict[str, Opinion] = field(default_factory=dict)
    """By name, of those who have looked again; their newest."""
    rounds: set[Round] = field(default_factory=set)
    """Those that were opened for it."""
    opened_at: int = 0
    """The sequence of the row that opened the first of them; 0 before."""
    adjudication: LedgerRow | None = None
    """The newest."""
    decided_at: str = ""
    """Of the newest row of a round; as in `LedgerRow.recorded_at`."""

    @property
    def labels(self) -> list[str]:
        """Each reader's newest, by name."""
        return [self.second.get(reader, opinion).label for reader, opinion in sorted(self.first.items())]

    @property
    def state(self) -> DisputeState:
        if self.adjudication is not None:
            is_unresolved = self.adjudication.verdict == UNRESOLVED
            return DisputeState.UNRESOLVED if is_unresolved else DisputeState.ADJUDICATED
        if len(self.second) == len(self.first) and len(set(self.labels)) == 1:
            return DisputeState.AGREED
        if Round.ADJUDICATION in self.rounds:
            return DisputeState.FOR_ADJUDICATION
        if Round.SECOND not in self.rounds:
            return DisputeState.OPEN
        has_all = len(self.second) == len(self.first)
        return DisputeState.STILL_DISPUTED if has_all else DisputeState.SECOND_ROUND


def find_disputes(rows: Iterable[LedgerRow]) -> dict[str, Dispute]:
    """By sample id, what readers have ever disputed when a round was opened, or dispute now.

    rows: all of a study's, in sequence. A sample that is in a round stays as it was when that was opened: verdicts that
    came later are no longer independent. Readers dispute a sample by the rule of `final_labels.final_labels`.
    """
    standing: dict[str, dict[str, list[LedgerRow]]] = defaultdict(lambda: defaultdict(list))
    found: dict[str, Dispute] = {}
    for row in rows:
        match row.kind:
            case "verdict":
                standing[row.sample_id][row.reader].append(row)
            case "undo":
                of_reader = standing[row.sample_id][row.reader]
                of_reader[:] = [one for one in of_reader if one.idempotency_key != row.undone_key]
            case "round":
                _open(row, found, standing)
            case "second" if row.sample_id in found:
                found[row.sample_id].second[row.reader] = Opinion(row.chosen_label, row.note)
                found[row.sample_id].decided_at = row.recorded_at
            case "adjudication" if row.sample_id in found:
                found[row.sample_id].adjudication = row
                found[row.sample_id].decided_at = row.recorded_at
    for sample_id, of_sample in standing.items():
        if sample_id not in found and (dispute := _disputed(sample_id, of_sample)):
            found[sample_id] = dispute
    return found


def _open(row: LedgerRow, found: dict[str, Dispute], standing: Mapping[str, Mapping[str, list[LedgerRow]]]) -> None:
    for sample_id, of_sample in standing.items():
        if sample_id not in found and (dispute := _disputed(sample_id, of_sample)):
            found[sample_id] = dispute
    for dispute in found.values():
        if dispute.state not in (DisputeState.AGREED, DisputeState.ADJUDICATED, DisputeState.UNRESOLVED):
            dispute.rounds.add(Round(row.verdict))
            dispute.opened_at = dispute.opened_at or row.sequence


def _disputed(sample_id: str, of_sample: Mapping[str, list[LedgerRow]]) -> Dispute | None:
    newest = {reader: rows[-1] for reader, rows in of_sample.items() if rows}
    first = {reader: Opinion(_label(row), row.note, _doubt(row)) for reader, row in newest.items()}
    if len({opinion.label for opinion in first.values()}) < 2:
        return None
    last = max(newest.values(), key=lambda row: row.sequence)
    return Dispute(sample_id, last.given_label, first)


def _label(row: LedgerRow) -> str:
    """As of `final_labels.verdict_label`."""
    return row.given_label if row.verdict in KEEPING_KINDS else row.chosen_label


def _doubt(row: LedgerRow) -> str:
    return row.verdict if row.verdict in KEEPING_KINDS and row.verdict not in LABELLING_KINDS else ""


def resolutions(disputes: Mapping[str, Dispute]) -> dict[str, Settled]:
    """Sample id to what a round has settled: the adjudicator's label, else that of the second round. What cannot be
    resolved keeps its given label, under the verdict `unresolved`."""
    found = {}
    for sample_id, dispute in disputes.items():
        row, moment = dispute.adjudication, dispute.decided_at
        if row is not None:
            label = dispute.given_label if row.verdict == UNRESOLVED else row.chosen_label
            found[sample_id] = Settled(
                label,
                verdict=dispute.state.value,
                reader=row.reader,
                note=row.note,
                decided_at=datetime.fromisoformat(moment),
                identity=row.identity,
            )
        elif dispute.state is DisputeState.AGREED:
            found[sample_id] = Settled(
                dispute.labels[0], verdict=dispute.state.value, decided_at=datetime.fromisoformat(moment)
            )
    return found
