"""A reader in a room: which samples wait for them, how far they are, and what is said of a sample to them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from overread.review.assignment import current_assignment
from overread.review.claims import NUM_LEFT, claim_batch, held_samples, renew_claims
from overread.review.ledger import Ledger
from overread.review.queue import ReaderMarks, due_repeats, waiting_samples
from overread.review.queue_choice import QueuePart
from overread_app.reading.packets import Json, last_verdict, packets, verdict_words
from overread_app.reading.reader_state import ReaderState, Standing
from overread_app.reading.room import Order, Room
from overread_app.reading.tickets import Ticket
from overread_app.words.catalogue import Words, words_in


@dataclass(frozen=True, slots=True)
class Seat:
    """What a ticket opens."""

    ticket: Ticket
    room: Room
    ledger: Ledger
    state: ReaderState

    @property
    def words(self) -> Words:
        """In the reader's language."""
        return words_in(self.ticket.language)

    def order(self, standing: Standing) -> Order:
        """The samples of the reader's choice; where the study's are shared among readers, those of their share."""
        order = self.room.order(self.ticket.choice, timed=standing.until(self.ticket.since))
        return share_of(self.room, order, self.ledger, standing, self.ticket.reader)

    def claim_next(self, standing: Standing) -> None:
        """Get the reader the next batch of their share, where few are left of it."""
        assignment = current_assignment(self.ledger)
        if assignment is None or self.ticket.choice.only is not QueuePart.UNDECIDED:
            return
        share = self.order(standing)
        if sum(sample_id not in standing.decided for sample_id in share.sample_ids) < NUM_LEFT:
            order = self.room.order(self.ticket.choice, timed=standing.until(self.ticket.since))
            claim_batch(self.ledger, assignment, self.ticket.reader, order.sample_ids)

    def renew(self) -> None:
        """Let the reader hold their share for longer: they are at work."""
        assignment = current_assignment(self.ledger)
        if assignment is not None:
            renew_claims(self.ledger, assignment, self.ticket.reader)

    def repeats(self, standing: Standing) -> list[str]:
        """The ids of the decided samples that are to be decided again, as if they were new."""
        return due_repeats(standing.decisions) if self.ticket.choice.repeats else []

    def waiting(self, standing: Standing) -> Iterator[str]:
        """The ids of the samples that wait for the reader, the next one first."""
        order, choice = self.order(standing), self.ticket.choice
        noted = standing.noted(until=self.ticket.since) if choice.only is QueuePart.NOTED else ()
        marks = ReaderMarks(standing.decided, noted, self.state.later, self.repeats(standing))
        return waiting_samples(
            order.sample_ids, choice, marks, is_chosen=lambda sample_id: self.room.is_chosen(order, sample_id)
        )

    def progress(self, standing: Standing) -> dict[str, int]:
        """How many of the chosen samples the reader has decided, and how many there are; of those noted or put off,
        since the queue was chosen."""
        order = self.order(standing)
        if self.ticket.choice.only is QueuePart.UNDECIDED:
            decided = sum(self.room.is_chosen(order, sample_id) for sample_id in standing.decided)
            return {"decided": decided, "total": len(order.sample_ids)}
        decided = sum(
            standing.place(decision) > self.ticket.since and self.room.is_chosen(order, decision.verdict.sample_id)
            for decision in standing.decisions
        )
        return {"decided": decided, "total": decided + sum(1 for _ in self.waiting(standing))}

    def summary(self, standing: Standing) -> Json:
        """What every answer says: the last verdict, and the progress."""
        return {"last": last_verdict(standing, self.words), "progress": self.progress(standing)}

    def packets(self, sample_ids: Sequence[str], standing: Standing) -> list[Json]:
        """All that the reader may see of each sample but its image. A decided one comes with its verdict, note and
        grade, unless it is a repeat, which shows nothing of them."""
        repeats = set(self.repeats(standing))
        shown = packets(self.room, sample_ids, standing, self.words)
        for packet in shown:
            decision = standing.decision(packet["id"])
            if decision is not None and packet["id"] not in repeats:
                packet |= {
                    "standing": verdict_words(decision, self.words),
                    "note": decision.verdict.note,
                    "grade": decision.verdict.grade,
                }
        return shown


def share_of(room: Room, order: Order, ledger: Ledger, standing: Standing, reader: str) -> Order:
    """Of an order, the reader's share, where the study's samples are shared among readers: what they hold now or have
    decided. Nothing in it tells what others hold or did."""
    if current_assignment(ledger) is None:
        return order
    own = held_samples(ledger, reader) | standing.keys.keys()
    is_own = np.zeros(len(room.ids), dtype=bool)
    is_own[[room.rows[sample_id] for sample_id in own if sample_id in room.rows]] = True
    return Order(tuple(one for one in order.sample_ids if one in own), order.is_chosen & is_own)
