"""The queries by which a ledger is read, and its rows as decisions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select

from overread.records import Decision, Verdict, VerdictKind
from overread.review.schema import ledger

_KINDS = {kind.value: kind for kind in VerdictKind}


def rows_of(study: str, reader: str | None = None, sample_id: str | None = None) -> Select[Any]:
    """The rows of a study; with `reader` that reader's, with `sample_id` those of them on one sample."""
    rows = select(ledger).where(ledger.c.study == study)
    if reader is not None:
        rows = rows.where(ledger.c.reader == reader)
    if sample_id is None:
        return rows
    # In two steps: in one, SQLite would scan all rows of the study instead of using the index.
    indexed = ledger.alias()
    of_sample = select(indexed.c.sequence).where(
        indexed.c.study == study, indexed.c.reader == reader, indexed.c.sample_id == sample_id
    )
    return rows.where(ledger.c.sequence.in_(of_sample))


def rows_after(study: str, sequence: int) -> Select[Any]:
    """The rows that come after that sequence, in sequence."""
    return rows_of(study).where(ledger.c.sequence > sequence).order_by(ledger.c.sequence)


def last_row(study: str) -> Select[Any]:
    """The newest row of a study."""
    return rows_of(study).order_by(ledger.c.sequence.desc()).limit(1)


def standing_verdicts(study: str, reader: str | None) -> Select[Any]:
    """Verdicts that were not undone, re-decided ones included."""
    undone = select(ledger.c.undone_key).where(ledger.c.study == study, ledger.c.undone_key > "")
    return rows_of(study, reader).where(ledger.c.kind == "verdict", ledger.c.idempotency_key.not_in(undone))


def rows_between(study: str, reader: str | None, after: int, until: int, kinds: Sequence[str]) -> Select[Any]:
    """The rows of these kinds, of a reader or of all, from the row behind `after` to the row `until`, in sequence."""
    rows = rows_of(study, reader).where(ledger.c.sequence > after, ledger.c.sequence <= until)
    return rows.where(ledger.c.kind.in_(kinds)).order_by(ledger.c.sequence)


def decision_of(row: Row[Any]) -> Decision:
    """The decision that a row of kind verdict holds."""
    # By position, all at once, for speed: every page converts every decision.
    _, sequence, _, sample_id, reader, given, proposed, chosen, kind, note, protocol, run, score, elapsed_ms, *rest = (
        tuple(row)
    )
    recorded_at, _, key, _, _, _, follows, image_sha256, _, grade, identity = rest
    shown = (key, protocol, note, elapsed_ms, follows, image_sha256, grade)
    verdict = Verdict(sample_id, reader, _KINDS[kind], given, proposed, chosen, run, score, *shown)
    return Decision(verdict, sequence, datetime.fromisoformat(recorded_at), identity)
