"""Looking again at what readers dispute: who may see what of it, and the rows that are written."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import select

from overread.errors import LedgerError, NotAllowedError
from overread.records import Decision, Protocol
from overread.review.dispute_fold import DisputeFold
from overread.review.disputes import (
    ADJUDICATION_KIND,
    EXCLUDE,
    ROUND_KIND,
    SECOND_KIND,
    UNRESOLVED,
    Dispute,
    DisputeState,
    Opinion,
    Round,
    resolutions,
)
from overread.review.final_labels import Settled
from overread.review.ledger import Ledger
from overread.review.roles import Action
from overread.review.row_rules import check_characters, check_same, check_texts
from overread.review.schema import ledger as table


@dataclass(frozen=True, slots=True)
class SecondLook:
    """A disputed sample as one of its readers may see it in the second round."""

    sample_id: str
    given_label: str
    own: Opinion
    """In the first round."""
    others: tuple[Opinion, ...]
    """Of the first round; sorted by label and note, so that the order does not tell whose they are."""
    again: Opinion | None
    """The reader's own, in this round; None before."""


def open_round(ledger: Ledger, opened: Round, reader: str) -> int:
    """Open a round for all that is disputed now, and was not settled; returns for how many samples.

    reader: the owner's name. From the second round on, readers of these samples see each other's labels: what they
    decide later is not independent. Raises NotAllowedError.
    """
    check_texts(reader=reader)
    if ledger.actor is not None:
        ledger.actor.require(Action.MANAGE)
    with ledger.writing() as connection:
        found = ledger.derived_within(connection, DisputeFold).values()
        row = {"sample_id": "", "reader": reader, "verdict": opened.value, "idempotency_key": str(uuid.uuid4())}
        ledger.append(connection, kind=ROUND_KIND, **row)
    return sum(opened not in dispute.rounds and not dispute.is_settled for dispute in found)


def has_rounds(ledger: Ledger) -> bool:
    """Whether a round was ever opened."""
    of_round = (table.c.study == ledger.study, table.c.kind == ROUND_KIND)
    with ledger.reading() as connection:
        return connection is not None and bool(connection.execute(select(table.c.sequence).where(*of_round)).first())


def disputes(ledger: Ledger) -> dict[str, Dispute]:
    """By sample id, with names: for the owner. Raises NotAllowedError."""
    if ledger.actor is not None:
        ledger.actor.require(Action.SEE_OTHERS)
    return ledger.derived(DisputeFold)


def settled_by_rounds(ledger: Ledger, *, until: int | None = None) -> dict[str, Settled]:
    """Sample id to what a round has settled (`resolutions`), up to the row `until`. Raises NotAllowedError."""
    return resolutions(_until(ledger, until)) if has_rounds(ledger) else {}


def independent_decisions(ledger: Ledger, *, until: int | None = None) -> list[Decision]:
    """The standing decisions of all readers, without what they decided of a sample after its round was opened, when
    they could know the others' labels; up to the row `until`. Raises NotAllowedError."""
    closed = {}
    if has_rounds(ledger):
        closed = {one.sample_id: one.opened_at for one in _until(ledger, until).values() if one.rounds}
    elif until is None:
        return ledger.decisions()
    return ledger.decisions_by(
        lambda row: (
            (until is None or row.sequence <= until) and row.sequence < closed.get(row.sample_id, row.sequence + 1)
        )
    )


def _until(ledger: Ledger, until: int | None) -> dict[str, Dispute]:
    """Raises NotAllowedError."""
    if until is None:
        return disputes(ledger)
    if ledger.actor is not None:
        ledger.actor.require(Action.SEE_OTHERS)
    return ledger.derived_by(DisputeFold, lambda row: row.sequence <= until)


def second_looks(ledger: Ledger, reader: str) -> list[SecondLook]:
    """The samples of the second round that a reader read, in the order of a hash, until they go to an adjudicator. Of
    others nothing is told but label and note, and only of samples that the reader is concerned with. Raises
    NotAllowedError."""
    if ledger.actor is not None:
        ledger.actor.require_own(reader)
    found = [one for one in ledger.derived(DisputeFold).values() if _may_look_again(one, reader)]
    return [_second_look(one, reader) for one in sorted(found, key=lambda one: one.sample_id)]


def _may_look_again(dispute: Dispute, reader: str) -> bool:
    return dispute.rounds == {Round.SECOND} and reader in dispute.first


def _second_look(dispute: Dispute, reader: str) -> SecondLook:
    others = [opinion for name, opinion in dispute.first.items() if name != reader]
    return SecondLook(
        dispute.sample_id,
        dispute.given_label,
        own=dispute.first[reader],
        others=tuple(sorted(others, key=lambda opinion: (opinion.label, opinion.note))),
        again=dispute.second.get(reader),
    )


def record_second(ledger: Ledger, reader: str, sample_id: str, said: Opinion, *, key: str) -> bool:
    """Append a reader's label in the second round; a later one replaces it. key: the idempotency key.

    Returns False, and writes nothing, if the key was already used. Raises LedgerError where the sample is not in an
    open second round of theirs, or has gone to an adjudicator.
    """

    def check(dispute: Dispute | None) -> Dispute:
        if dispute is None or not _may_look_again(dispute, reader):
            raise LedgerError("this sample is not one that you can look at again; nothing was saved")
        return dispute

    row = _row(SECOND_KIND, reader, sample_id, said, key, verdict="" if said.label else EXCLUDE)
    return _append(ledger, row | {"protocol": Protocol.OPEN.value}, check)


def for_adjudication(ledger: Ledger, reader: str) -> dict[str, DisputeState]:
    """The samples that an adjudicator may decide, by id, in the order of a hash, with their states; no labels. Those
    that they read themselves are left out. Raises NotAllowedError."""
    if ledger.actor is not None:
        ledger.actor.require(Action.SEE_OTHERS)
    found = [
        one
        for one in ledger.derived(DisputeFold).values()
        if Round.ADJUDICATION in one.rounds and reader not in one.first
    ]
    return {one.sample_id: one.state for one in sorted(found, key=lambda one: one.sample_id)}


def opinions(ledger: Ledger, reader: str, sample_id: str) -> Mapping[str, tuple[Opinion, ...]]:
    """What readers said of a sample in each round, without names, for an adjudicator who wants to know: by "first" and
    "second". Raises NotAllowedError where the sample is not one that they may adjudicate."""
    if ledger.actor is not None:
        ledger.actor.require(Action.SEE_OTHERS)
    dispute = _adjudicable(ledger.derived(DisputeFold).get(sample_id), reader)
    rounds = {"first": dispute.first, "second": dispute.second}
    return {
        name: tuple(sorted(said.values(), key=lambda opinion: (opinion.label, opinion.note)))
        for name, said in rounds.items()
        if said
    }


def record_adjudication(
    ledger: Ledger, reader: str, sample_id: str, said: Opinion | None, *, note: str = "", protocol: str, key: str
) -> bool:
    """Append an adjudicator's decision; a later one of theirs replaces it. said: None: it cannot be resolved, for the
    reason in `note`. protocol: blind or open, whether they had seen what the readers said. key: the idempotency key.

    Returns False, and writes nothing, if the key was already used. Raises NotAllowedError where the account is no
    adjudicator's, the sample is not in an open adjudication, they read it themselves, or another has adjudicated it.
    """
    if ledger.actor is not None:
        ledger.actor.require(Action.SEE_OTHERS)
    verdict = UNRESOLVED if said is None else "" if said.label else EXCLUDE
    row = _row(ADJUDICATION_KIND, reader, sample_id, said or Opinion("", note), key, verdict=verdict)
    return _append(ledger, row | {"protocol": protocol}, lambda dispute: _adjudicable(dispute, reader))


def _adjudicable(dispute: Dispute | None, reader: str) -> Dispute:
    if dispute is None or Round.ADJUDICATION not in dispute.rounds:
        raise NotAllowedError("This sample is not one to adjudicate; nothing was saved.")
    if reader in dispute.first:
        raise NotAllowedError("You have read this image yourself; somebody else must adjudicate it.")
    if dispute.adjudication is not None and dispute.adjudication.reader != reader:
        raise NotAllowedError("Another adjudicator has decided on this image; nothing was saved.")
    return dispute


def _row(kind: str, reader: str, sample_id: str, said: Opinion, key: str, *, verdict: str) -> dict[str, str]:
    """Fields of a row."""
    check_texts(reader=reader, idempotency_key=key)
    check_characters(label=said.label, note=said.note)
    said_fields = {"chosen_label": said.label, "note": said.note, "verdict": verdict}
    return {"kind": kind, "sample_id": sample_id, "reader": reader, "idempotency_key": key, **said_fields}


def _append(ledger: Ledger, row: dict[str, str], check: Callable[[Dispute | None], Dispute]) -> bool:
    """check: returns the sample's dispute, or raises where the row may not be written."""
    if ledger.actor is not None:
        ledger.actor.require_own(row["reader"])
    with ledger.writing() as connection:
        known = ledger.find(connection, row["idempotency_key"])
        if known is not None:
            check_same(known, row["kind"], row["reader"], row["sample_id"])
            return False
        # Within the transaction, so that nobody else decides meanwhile.
        dispute = check(ledger.derived_within(connection, DisputeFold).get(row["sample_id"]))
        ledger.append(connection, **row, given_label=dispute.given_label)
    return True
