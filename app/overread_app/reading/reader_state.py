"""What one reader has read and decided in a study: read from the ledger once, then kept up with what is added to it.

Other tabs and other servers write too, so each request asks the ledger for the rows after the last one that is known.
"""

import threading
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from overread.records import Decision, Protocol
from overread.review.chain import LedgerRow
from overread.review.ledger import Changes, Ledger
from overread.review.ledger_state import Head

NUM_KEPT = 256
"""Readers in memory, over all studies."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A reader's standing verdicts and readings at one moment. Never changed: requests that run at once share it."""

    verdicts: dict[str, Decision] = field(default_factory=dict)
    """By idempotency key, in sequence; a sample that was decided twice has two."""
    keys: dict[str, str] = field(default_factory=dict)
    """Sample id to the key of the newest of its verdicts."""
    head: Head = field(default_factory=Head)
    """The ledger's newest row at that moment."""
    readings: dict[str, LedgerRow] = field(default_factory=dict)
    """Sample id to the reader's blind reading of it."""
    places: dict[str, int] = field(default_factory=dict)
    """Idempotency key to the verdict's number among all of the reader's own, from 1. Pages tell these numbers and no
    rows' sequences, which would show that others write."""
    revealed: frozenset[str] = frozenset()
    """The ids of the samples whose labels the reader has seen: those that they read or decided, undone or not."""

    @property
    def decided(self) -> Collection[str]:
        """The ids of the decided samples."""
        return self.keys.keys()

    @property
    def last(self) -> Decision | None:
        """The newest verdict."""
        return self.verdicts[next(reversed(self.verdicts))] if self.verdicts else None

    def decision(self, sample_id: str) -> Decision | None:
        """The newest verdict on a sample."""
        return self.verdicts.get(self.keys.get(sample_id, ""))

    @property
    def num_given(self) -> int:
        """How many verdicts the reader has given, those that were undone among them."""
        return len(self.places)

    def place(self, decision: Decision) -> int:
        """The verdict's number among the reader's own."""
        return self.places[decision.verdict.idempotency_key]

    def until(self, place: int) -> Iterator[Decision]:
        """The standing verdicts up to that one of the reader's own."""
        return (decision for key, decision in self.verdicts.items() if self.places[key] <= place)

    def noted(self, *, until: int) -> Collection[str]:
        """The ids of the samples that were decided with a note up to that one of the reader's own verdicts."""
        return {
            decision.verdict.sample_id
            for decision in self.decisions
            if decision.verdict.note and self.place(decision) <= until
        }

    @property
    def decisions(self) -> Iterable[Decision]:
        """The newest verdict on each sample."""
        return (self.verdicts[key] for key in self.keys.values())

    def with_changes(self, changes: Changes) -> "Standing":
        """What stands after these changes."""
        verdicts = self.verdicts | {decision.verdict.idempotency_key: decision for decision in changes.verdicts}
        keys, places = dict(self.keys), dict(self.places)
        for decision in changes.verdicts:
            places.setdefault(decision.verdict.idempotency_key, len(places) + 1)
        for decision in changes.verdicts:
            keys[decision.verdict.sample_id] = decision.verdict.idempotency_key
        undone = {verdicts.pop(key).verdict.sample_id for key in changes.undone_keys & verdicts.keys()}
        for sample_id in undone:
            keys.pop(sample_id, None)
        if undone:  # an earlier verdict on the sample stands again
            keys |= {each.verdict.sample_id: key for key, each in verdicts.items() if each.verdict.sample_id in undone}
        blind = {row.sample_id: row for row in changes.readings if row.protocol == Protocol.BLIND}
        seen = {decision.verdict.sample_id for decision in changes.verdicts}
        seen |= {row.sample_id for row in changes.readings}
        return Standing(verdicts, keys, changes.head, self.readings | blind, places, self.revealed | seen)


class ReaderState:
    """One reader of one ledger."""

    def __init__(self, ledger: Ledger, reader: str) -> None:
        self.ledger = ledger
        self.reader = reader
        self.later: tuple[str, ...] = ()
        """The ids of the samples that the reader has put off, the earliest first: as their browser said last, which
        keeps them. They are no verdicts, and the ledger does not hold them."""
        self._standing = Standing()
        self._lock = threading.Lock()

    @property
    def known(self) -> Standing:
        """What stood when that was last asked for."""
        return self._standing

    def current(self) -> Standing:
        """What stands now. Raises LedgerError where the ledger is damaged or rows are missing."""
        with self._lock:
            changes = self.ledger.changes(self.reader, self._standing.head)
            if changes is None:  # a backup has replaced the ledger
                self._standing = Standing()
                changes = self.ledger.changes(self.reader, Head())
            if changes is not None and changes.head != self._standing.head:
                self._standing = self._standing.with_changes(changes)
            return self._standing


_states: dict[tuple[Ledger, str], ReaderState] = {}
_lock = threading.Lock()


def reader_state(ledger: Ledger, reader: str) -> ReaderState:
    """The state of a reader, shared by all requests to this server."""
    with _lock:
        state = _states.pop((ledger, reader), None) or ReaderState(ledger, reader)
        _states[ledger, reader] = state  # last: used most recently
        while len(_states) > NUM_KEPT:
            del _states[next(iter(_states))]
        return state
