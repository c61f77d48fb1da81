"""The ledger: an append-only record of who decided what about which sample, when and on what evidence."""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from overread.errors import StaleReadingError, StaleVerdictError
from overread.records import Decision, Protocol, Reading, Verdict
from overread.review.chain import LedgerRow
from overread.review.decision_fold import DecisionFold
from overread.review.ledger_fold import LedgerFold, Result, shared_fold
from overread.review.ledger_queries import decision_of, rows_between, rows_of, standing_verdicts
from overread.review.ledger_state import Head
from overread.review.ledger_store import LedgerStore
from overread.review.row_rules import check_reading, check_same, check_texts, check_verdict
from overread.review.schema import ledger


def visit_key(reader: str, sample_id: str, visit: str) -> str:
    """The idempotency key of one showing of a sample to a reader.

    visit: new for each showing, such as a UUID. (A counter that restarts with the session would repeat keys, and the
    ledger would take a new verdict for an old one.)
    """
    parts = (reader, sample_id, visit)
    return hashlib.sha256("\x1f".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Changes:
    """What a reader added to a ledger since a row of it."""

    verdicts: tuple[Decision, ...]
    """In sequence; those that were undone are among them."""
    undone_keys: frozenset[str]
    """The idempotency keys of verdicts that were undone, these or earlier ones. No such verdict ever stands again."""
    head: Head
    """The ledger's newest row."""
    readings: tuple[LedgerRow, ...] = ()
    """In sequence."""


@dataclass(frozen=True, slots=True)
class Ledger(LedgerStore):
    """What readers did in one study: verdicts, undos and readings, each a row of its own."""

    def record(self, verdict: Verdict) -> bool:
        """Append a verdict. When this returns, it is on the disk.

        Returns False, and writes nothing, if the verdict's idempotency key was already used for this sample and reader.
        Raises LedgerError if the verdict contradicts itself, or the key belongs to something else, and
        StaleVerdictError if it does not follow the standing verdict.
        """
        check_verdict(verdict)
        with self.writing() as connection:
            return self.append_verdict(connection, verdict)

    def append_verdict(self, connection: Connection, verdict: Verdict) -> bool:
        """As `record`, within `writing`: several verdicts may be appended in one transaction."""
        kind = check_verdict(verdict)
        self._require_own(verdict.reader)
        known = self.find(connection, verdict.idempotency_key)
        if known is not None:
            check_same(known, "verdict", verdict.reader, verdict.sample_id)
            return False
        last = self.standing(connection, verdict.reader, verdict.sample_id)
        if (last.idempotency_key if last else "") != verdict.follows:
            did = "undid your verdict on this sample" if last is None else "decided this sample"
            raise StaleVerdictError(f"you {did} in another window; this verdict was not recorded")
        self.append(
            connection,
            kind="verdict",
            sample_id=verdict.sample_id,
            reader=verdict.reader,
            given_label=verdict.given_label,
            proposed_label=verdict.proposed_label,
            chosen_label=verdict.chosen_label,
            verdict=kind.value,
            note=verdict.note,
            protocol=verdict.protocol,
            run=verdict.run,
            score=float(verdict.score),
            elapsed_ms=int(verdict.elapsed_ms),
            idempotency_key=verdict.idempotency_key,
            follows=verdict.follows,
            image_sha256=verdict.image_sha256,
            grade=verdict.grade,
        )
        return True

    def append_undo(self, connection: Connection, undone: Row[Any], key: str) -> None:
        """The row that undoes a verdict's, within `writing`. key: its idempotency key."""
        self.append(
            connection,
            kind="undo",
            sample_id=undone.sample_id,
            reader=undone.reader,
            given_label=undone.given_label,
            proposed_label=undone.proposed_label,
            protocol=undone.protocol,
            run=undone.run,
            score=undone.score,
            idempotency_key=key,
            undone_key=undone.idempotency_key,
        )

    def undo(self, reader: str, idempotency_key: str | None = None, *, shown_key: str | None = None) -> Decision | None:
        """Undo the reader's latest standing decision, by a new row that names it.

        Returns the undone decision, or None if the reader has none. With an idempotency key (one per press), a second
        call undoes nothing more and returns the same decision. An earlier decision of the reader on the sample stands
        again. shown_key: the idempotency key of the decision that the reader sees as the latest; if another one has
        followed it (in another window), nothing is undone.
        """
        key = str(uuid.uuid4()) if idempotency_key is None else idempotency_key
        check_texts(reader=reader, idempotency_key=key)
        self._require_own(reader)
        with self.writing() as connection:
            known = self.find(connection, key)
            if known is not None:
                check_same(known, "undo", reader, known.sample_id)
                undone = self.find(connection, known.undone_key)
                return None if undone is None else decision_of(undone)
            standing = standing_verdicts(self.study, reader).order_by(ledger.c.sequence.desc()).limit(1)
            last = connection.execute(standing).one_or_none()
            if last is None or shown_key not in (None, last.idempotency_key):
                return None
            self.append_undo(connection, last, key)
            return decision_of(last)

    def record_reading(self, reading: Reading) -> bool:
        """Append a reader's own label for a sample; it cannot be undone.

        Returns False, and writes nothing, if the key was already used for this sample and reader. Raises LedgerError if
        the reading contradicts itself, and StaleReadingError if a blind one follows any other row of this reader on the
        sample.
        """
        check_reading(reading)
        self._require_own(reading.reader)
        with self.writing() as connection:
            known = self.find(connection, reading.idempotency_key)
            if known is not None:
                check_same(known, "reading", reading.reader, reading.sample_id)
                return False
            before = rows_of(self.study, reading.reader, reading.sample_id).limit(1)
            if reading.protocol == Protocol.BLIND and connection.execute(before).one_or_none():
                raise StaleReadingError("you have read this image before: a second reading of it would not be blind")
            self.append(
                connection,
                kind="reading",
                sample_id=reading.sample_id,
                reader=reading.reader,
                given_label=reading.given_label,
                chosen_label=reading.label,
                verdict=reading.finding or "",
                note=reading.note,
                protocol=reading.protocol,
                run=reading.run,
                elapsed_ms=int(reading.elapsed_ms),
                idempotency_key=reading.idempotency_key,
                image_sha256=reading.image_sha256,
            )
        return True

    def decisions(self, reader: str | None = None) -> list[Decision]:
        """The standing decisions, oldest first: the newest one per reader and sample that was not undone.

        The first call of a process reads the ledger's rows, later ones those that were added since. Raises
        NotAllowedError where another reader's are not the actor's to see; so do the others.
        """
        self._require_visible(reader)
        return self.derived(DecisionFold, reader)

    def decisions_by(self, is_counted: Callable[[Row[Any]], bool]) -> list[Decision]:
        """The decisions of all readers that would stand if only these verdicts and undos had been written; takes as
        long as there are rows. Raises NotAllowedError."""
        self._require_visible(None)
        return self.derived_by(DecisionFold, is_counted)

    def decisions_within(self, connection: Connection) -> list[Decision]:
        """Everyone's standing decisions, within `writing` and before a row is appended there: for what a reader's
        queue must know and the reader must not."""
        return self.derived_within(connection, DecisionFold)

    def derived(self, kind: type[LedgerFold[Result]], reader: str | None = None) -> Result:
        """What the rows of a reader, or of all, come to, whatever the actor may see; as fast as `decisions`."""
        fold = shared_fold(kind, self.engine.url, self.study, reader)
        for is_last in (False, True):
            recorded = self._recorded()
            with self.reading() as connection:
                if connection is None:
                    break
                self._check_head(connection, recorded)
                with fold.lock:
                    # In SQLite, another thread may have folded in rows that came after this transaction began.
                    if is_last or fold.head.sequence <= self._head(connection).sequence:
                        return self._folded(connection, fold, reader)
        return kind().result()

    def derived_within(self, connection: Connection, kind: type[LedgerFold[Result]]) -> Result:
        """As `derived`, of all readers, within `writing` and before a row is appended there."""
        fold = shared_fold(kind, self.engine.url, self.study)
        with fold.lock:
            return self._folded(connection, fold, None)

    def derived_by(self, kind: type[LedgerFold[Result]], is_counted: Callable[[Row[Any]], bool]) -> Result:
        """As `derived`, of these rows alone; takes as long as there are rows."""
        fold = kind()
        with self.reading() as connection:
            if connection is not None:
                head = self._head(connection)
                rows = connection.execute(rows_between(self.study, None, 0, head.sequence, kind.kinds))
                fold.bring_to(head, (row for row in rows if is_counted(row)))
        return fold.result()

    def _folded(self, connection: Connection, fold: LedgerFold[Result], reader: str | None) -> Result:
        known = fold.head
        if known.sequence and self._hash_at(connection, known.sequence) != known.hash:
            fold.clear()
        head = self._head(connection)
        rows = rows_between(self.study, reader, fold.head.sequence, head.sequence, fold.kinds)
        fold.bring_to(head, connection.execute(rows))
        return fold.result()

    def changes(self, reader: str, since: Head) -> Changes | None:
        """The reader's verdicts, undos and readings after the row `since`; Head() for all of them.

        Takes as long as there are rows after it. None where that row is not in the ledger: a backup has replaced it.
        """
        self._require_visible(reader)
        recorded = self._recorded()
        with self.reading() as connection:
            if connection is None:
                return None if since.sequence else Changes((), frozenset(), Head())
            self._check_head(connection, recorded)
            if since.sequence and self._hash_at(connection, since.sequence) != since.hash:
                return None
            # First: a row that another writer adds meanwhile is then read the next time.
            head = self._head(connection)
            between = rows_between(self.study, reader, since.sequence, head.sequence, ("verdict", "undo", "reading"))
            rows = connection.execute(between).all()
            return Changes(
                tuple(decision_of(row) for row in rows if row.kind == "verdict"),
                frozenset(row.undone_key for row in rows if row.kind == "undo"),
                head,
                tuple(LedgerRow(*row) for row in rows if row.kind == "reading"),
            )

    def readings(self, reader: str | None = None) -> list[LedgerRow]:
        """The readings, oldest first; their protocol is blind or open."""
        self._require_visible(reader)
        return self._select(rows_of(self.study, reader).where(ledger.c.kind == "reading").order_by(ledger.c.sequence))

    def standing(self, connection: Connection, reader: str, sample_id: str) -> Row[Any] | None:
        """The row of the reader's verdict on a sample that stands, within `writing`."""
        # Only this sample's rows: what other samples' undos name, SQLite would list anew for each verdict.
        rows = connection.execute(rows_of(self.study, reader, sample_id)).all()
        undone = {row.undone_key for row in rows if row.kind == "undo"}
        verdicts = [row for row in rows if row.kind == "verdict" and row.idempotency_key not in undone]
        return max(verdicts, key=lambda row: row.sequence, default=None)
