"""Looking again at what readers dispute: who may see what of it, and the rows that are written."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import select

from overread.errors import LedgerError, NotAllowedError
from overread.records import Decision, Protocol
from overread.review.decision_fold import DecisionFold
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
    find_disputes,
)
from overread.review.ledger import Ledger
from overread.review.ledger_queries import decided_between
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
    decide later is not independent. Raises NotAllowedError, and LedgerError where nothing is disputed.
    """
    check_texts(reader=reader)
    if ledger.actor is not None:
        ledger.actor.require(Action.MANAGE)
    before = {sample_id for sample_id, one in _all(ledger).items() if opened in one.rounds}
    with ledger.writing() as connection:
        row = {"sample_id": "", "reader": reader, "verdict": opened.value, "idempotency_key": str(uuid.uuid4())}
        ledger.append(connection, kind=ROUND_KIND, **row)
    return len({sample_id for sample_id, one in _all(ledger).items() if opened in one.rounds} - before)


def has_rounds(ledger: Ledger) -> bool:
    """Whether a round was ever opened."""
    of_round = (table.c.study == ledger.study, table.c.kind == ROUND_KIND)
    with ledger.reading() as connection:
        return connection is not None and bool(connection.execute(select(table.c.sequence).where(*of_round)).first())


def disputes(ledger: Ledger) -> dict[str, Dispute]:
    """By sample id, with names: for the owner. Raises NotAllowedError."""
    return find_disputes(ledger.history())


def independent_decisions(ledger: Ledger) -> list[Decision]:
    """The standing decisions of all readers, without what they decided of a sample after its round was opened, when
    they could know the others' labels. Raises NotAllowedError."""
    if not has_rounds(ledger):
        return ledger.decisions()
    closed = {one.sample_id: one.opened_at for one in disputes(ledger).values() if one.rounds}
    fold = DecisionFold()
    with ledger.reading() as connection:
        if connection is not None:
            head = ledger.head()
            rows = connection.execute(decided_between(ledger.study, None, 0, head.sequence))
            fold.add(
                (
                    row
                    for row in rows
                    if row.kind != "reading" and row.sequence < closed.get(row.sample_id, row.sequence + 1)
                ),
                head,
            )
    return fold.decisions()


def second_looks(ledger: Ledger, reader: str) -> list[SecondLook]:
    """The samples of the second round that a reader read, in the order of a hash: those of rounds that were opened, and
    of others' labels only what they themselves are concerned with. Raises NotAllowedError."""
    if ledger.actor is not None:
        ledger.actor.require_own(reader)
    found = [one for one in _all(ledger).values() if Round.SECOND in one.rounds and reader in one.first]
    return [_second_look(one, reader) for one in sorted(found, key=lambda one: one.sample_id)]


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
    open second round of theirs, or was adjudicated meanwhile.
    """
    dispute = _all(ledger).get(sample_id)
    if dispute is None or Round.SECOND not in dispute.rounds or reader not in dispute.first:
        raise LedgerError("this sample is not one that you can look at again; nothing was saved")
    if dispute.adjudication is not None:
        raise LedgerError("this sample was adjudicated meanwhile; nothing was saved")
    verdict = "" if said.label else EXCLUDE
    return _append(ledger, SECOND_KIND, reader, dispute, said, key=key, verdict=verdict, protocol=Protocol.OPEN)


def for_adjudication(ledger: Ledger, reader: str) -> dict[str, DisputeState]:
    """The samples that an adjudicator may decide, by id, in the order of a hash, with their states; no labels. Those
    that they read themselves are left out. Raises NotAllowedError."""
    if ledger.actor is not None:
        ledger.actor.require(Action.SEE_OTHERS)
    found = [one for one in _all(ledger).values() if Round.ADJUDICATION in one.rounds and reader not in one.first]
    return {one.sample_id: one.state for one in sorted(found, key=lambda one: one.sample_id)}


def opinions(ledger: Ledger, sample_id: str) -> Mapping[str, tuple[Opinion, ...]]:
    """What readers said of a disputed sample in each round, without names, for an adjudicator who wants to know: by
    "first" and "second". Raises NotAllowedError."""
    dispute = disputes(ledger)[sample_id]
    rounds = {"first": dispute.first, "second": dispute.second}
    return {
        name: tuple(sorted(said.values(), key=lambda opinion: (opinion.label, opinion.note)))
        for name, said in rounds.items()
        if said
    }


def record_adjudication(
    ledger: Ledger, reader: str, sample_id: str, said: Opinion | None, *, note: str = "", protocol: str, key: str
) -> bool:
    """Append an adjudicator's decision; a later one replaces it. said: None: it cannot be resolved, for the reason in
    `note`. protocol: blind or open, whether they had seen what the readers said. key: the idempotency key.

    Returns False, and writes nothing, if the key was already used. Raises NotAllowedError where the account is no
    adjudicator's, or they read the sample themselves, and LedgerError where it is not in an open adjudication.
    """
    if ledger.actor is not None:
        ledger.actor.require(Action.SEE_OTHERS)
    dispute = _all(ledger).get(sample_id)
    if dispute is None or Round.ADJUDICATION not in dispute.rounds:
        raise LedgerError("this sample is not one to adjudicate; nothing was saved")
    if reader in dispute.first:
        raise NotAllowedError("You have read this image yourself; somebody else must adjudicate it.")
    verdict = UNRESOLVED if said is None else "" if said.label else EXCLUDE
    said = Opinion("", note) if said is None else said
    return _append(ledger, ADJUDICATION_KIND, reader, dispute, said, key=key, verdict=verdict, protocol=protocol)


def _all(ledger: Ledger) -> dict[str, Dispute]:
    """Whatever the actor may see: what leaves this module is checked."""
    return find_disputes(replace(ledger, actor=None).history())


def _append(
    ledger: Ledger, kind: str, reader: str, dispute: Dispute, said: Opinion, *, key: str, verdict: str, protocol: str
) -> bool:
    check_texts(reader=reader, idempotency_key=key)
    check_characters(label=said.label, note=said.note)
    if ledger.actor is not None:
        ledger.actor.require_own(reader)
    with ledger.writing() as connection:
        known = ledger.find(connection, key)
        if known is not None:
            check_same(known, kind, reader, dispute.sample_id)
            return False
        ledger.append(
            connection,
            kind=kind,
            sample_id=dispute.sample_id,
            reader=reader,
            given_label=dispute.given_label,
            chosen_label=said.label,
            verdict=verdict,
            note=said.note,
            protocol=protocol,
            idempotency_key=key,
        )
    return True
