"""Samples on which readers want different labels, the rounds in which they look again, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from overread.records import VerdictKind
from overread.review.chain import LedgerRow
from overread.review.final_labels import Settled

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


@dataclass(frozen=True, slots=True)
class Dispute:
    """One sample on which readers differ."""

    sample_id: str
    given_label: str
    first: Mapping[str, Opinion]
    """Each reader's own label, found independently, by name: as it stood when a round was opened, else as it stands."""
    second: Mapping[str, Opinion] = field(default_factory=dict)
    """By name, of those who have looked again; their newest."""
    rounds: frozenset[Round] = frozenset()
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

    @property
    def is_settled(self) -> bool:
        """No later round takes it in."""
        return self.state in (DisputeState.AGREED, DisputeState.ADJUDICATED, DisputeState.UNRESOLVED)


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
