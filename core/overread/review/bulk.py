"""Verdicts in bulk: one verdict on many samples, a row for each, undone together."""

from collections.abc import Iterable
from dataclasses import dataclass

from overread.errors import StaleVerdictError
from overread.records import Decision, Verdict
from overread.review.ledger import Ledger, visit_key
from overread.review.ledger_queries import decision_of, standing_verdicts
from overread.review.row_rules import BULK, check_verdict
from overread.review.schema import ledger as table

_HALF = 32
"""Hexadecimal digits of a key that all verdicts of a bulk share; as many more tell its samples apart."""


def bulk_key(reader: str, sample_id: str, bulk: str) -> str:
    """The idempotency key of one verdict of a bulk, which begins with `bulk_name`. bulk: new for each one."""
    return bulk_name(visit_key(reader, "", bulk)) + visit_key(reader, sample_id, bulk)[:_HALF]


def bulk_name(key: str) -> str:
    """What the keys of all verdicts of the same bulk begin with."""
    return key[:_HALF]


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """What became of a bulk."""

    recorded: tuple[str, ...]
    """The ids of the samples whose verdict is on the disk, also where it was recorded before."""
    stale: tuple[str, ...]
    """Those that the reader has decided, or undone, in another window: nothing was recorded of them."""


def record_bulk(ledger: Ledger, verdicts: Iterable[Verdict]) -> BulkOutcome:
    """Append a row for each verdict, in one transaction: when this returns, they are on the disk. A second call with
    the same verdicts writes nothing.

    verdicts: of protocol "bulk", with keys of `bulk_key`. Raises LedgerError, and records nothing, if one of them
    contradicts itself.
    """
    verdicts = list(verdicts)
    for verdict in verdicts:
        check_verdict(verdict)
    recorded, stale = [], []
    with ledger.writing() as connection:
        for verdict in verdicts:
            try:
                ledger.append_verdict(connection, verdict)
                recorded.append(verdict.sample_id)
            except StaleVerdictError:
                stale.append(verdict.sample_id)
    return BulkOutcome(tuple(recorded), tuple(stale))


def undo_bulk(ledger: Ledger, reader: str, name: str) -> list[Decision]:
    """Undo the reader's verdicts of a bulk (`bulk_name`) that stand, in one transaction, and return them.

    A sample that was decided again since keeps that verdict. A second call finds nothing to undo.
    """
    of_bulk = standing_verdicts(ledger.study, reader).where(
        table.c.protocol == BULK, table.c.idempotency_key.startswith(name, autoescape=True)
    )
    undone = []
    with ledger.writing() as connection:
        for row in connection.execute(of_bulk.order_by(table.c.sequence)).all():
            last = ledger.standing(connection, reader, row.sample_id)
            if last is not None and last.idempotency_key == row.idempotency_key:
                ledger.append_undo(connection, row, visit_key(reader, row.idempotency_key, "undo"))
                undone.append(decision_of(row))
    return undone
