"""The ledger: an append-only account of who decided what of which sample, when and on what evidence."""

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, Row, func, insert, select, text

from overread.errors import LedgerError, StaleVerdictError
from overread.records import Decision, Verdict, VerdictKind
from overread.review.chain import FIRST_HASH, KEYED, LedgerRow, broken, sealed, verify
from overread.review.database import open_engine, prepare, transaction
from overread.review.memory import Head, Memory, Remembered
from overread.review.row_rules import check_characters, check_elapsed, check_same, check_texts, checked_kind
from overread.review.schema import ledger
from overread.version import full_version

_TEXTS = ("given_label", "proposed_label", "chosen_label", "verdict", "note", "protocol", "run", "undone_key")
_KINDS = {kind.value: kind for kind in VerdictKind}


def visit_key(reader: str, sample_id: str, visit: str) -> str:
    """The idempotency key of one showing of a sample to a reader.

    visit: new for each showing (a UUID, say; a counter that starts again with the session would repeat keys,
    and the ledger would take a new verdict for an old one).
    """
    parts = (reader, sample_id, visit)
    return hashlib.sha256("\x1f".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Ledger:
    """The rows of one study. Holds no connection: each operation opens one, for one transaction."""

    engine: Engine
    study: str
    key: bytes = b""
    """The study's secret, under which rows are hashed."""
    memory: Memory | None = None
    """What the study remembers of its ledger; None: nothing that is lost is missed."""

    @classmethod
    def open(
        cls, url: str, study: str, key: bytes = b"", *, memory: Memory | None = None, creates: bool = True
    ) -> "Ledger":
        """url: as SQLAlchemy writes it (Study.ledger_url). study: tells studies apart (Study.ledger_study).

        creates: make the database now where there is none; else the first row makes it, and until then the ledger is
        empty. Raises LedgerError if a newer program wrote it, or if it is not the ledger that the memory knows.
        """
        check_texts(study=study)
        ledger = cls(open_engine(url), study, key, memory)
        if ledger._is_there() or creates:
            ledger._require_found()
            prepare(ledger.engine)
        if memory is not None:
            with ledger.reading() as connection:
                if connection is not None:
                    ledger._check_head(connection)
        return ledger

    def record(self, verdict: Verdict) -> bool:
        """Append a verdict. Once this returns, it is on the disk.

        Returns False, and writes nothing, if the verdict's idempotency key was used for this sample and reader already.
        Raises LedgerError if the verdict contradicts itself, or the key belongs to something else, and
        StaleVerdictError if it follows another verdict than the one that stands.
        """
        kind = checked_kind(verdict)
        with self.writing() as connection:
            known = self.find(connection, verdict.idempotency_key)
            if known is not None:
                check_same(known, "verdict", verdict.reader, verdict.sample_id)
                return False
            self._check_fresh(connection, verdict)
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
            )
        return True

    def undo(self, reader: str, idempotency_key: str | None = None, *, shown_key: str | None = None) -> Decision | None:
        """Take back the reader's latest standing decision, by a new row that names it.

        Returns the decision that was taken back, or None if the reader has none. With an idempotency key (one per
        press), a second call takes nothing more back and returns the same decision. A decision that the reader had made
        on the sample before that one stands again. shown_key: the idempotency key of the decision that the reader
        sees as the latest; if another one has followed it (in another window), nothing is taken back.
        """
        key = str(uuid.uuid4()) if idempotency_key is None else idempotency_key
        check_texts(reader=reader, idempotency_key=key)
        with self.writing() as connection:
            known = self.find(connection, key)
            if known is not None:
                check_same(known, "undo", reader, known.sample_id)
                return _decision(self.find(connection, known.undone_key))
            standing = _standing(self.study, reader).order_by(ledger.c.sequence.desc()).limit(1)
            last = connection.execute(standing).one_or_none()
            if last is None or shown_key not in (None, last.idempotency_key):
                return None
            self.append(
                connection,
                kind="undo",
                sample_id=last.sample_id,
                reader=reader,
                given_label=last.given_label,
                proposed_label=last.proposed_label,
                protocol=last.protocol,
                run=last.run,
                score=last.score,
                idempotency_key=key,
                undone_key=last.idempotency_key,
            )
            return _decision(last)

    def record_reading(
        self,
        *,
        sample_id: str,
        reader: str,
        label: str,
        idempotency_key: str,
        is_blind: bool = True,
        given_label: str = "",
        run: str = "",
        note: str = "",
        elapsed_ms: int = 0,
    ) -> bool:
        """Append a reader's own label for a sample; it can't be taken back.

        is_blind: nothing but the image had been shown. given_label: only where it had been shown.
        Returns False, and writes nothing, if the key was used for this sample and reader already.
        Raises LedgerError if a blind reading comes after anything else of this reader on the sample.
        """
        check_texts(sample_id=sample_id, reader=reader, label=label, idempotency_key=idempotency_key)
        check_characters(given_label=given_label, run=run, note=note)
        check_elapsed(elapsed_ms)
        if is_blind and given_label:
            raise LedgerError("a blind reading has no given label: it was not shown")
        with self.writing() as connection:
            known = self.find(connection, idempotency_key)
            if known is not None:
                check_same(known, "reading", reader, sample_id)
                return False
            if is_blind and connection.execute(_rows(self.study, reader, sample_id).limit(1)).one_or_none():
                raise LedgerError("this reader has read the sample before: a second reading of it is not blind")
            self.append(
                connection,
                kind="reading",
                sample_id=sample_id,
                reader=reader,
                given_label=given_label,
                chosen_label=label,
                note=note,
                protocol="blind" if is_blind else "open",
                run=run,
                elapsed_ms=int(elapsed_ms),
                idempotency_key=idempotency_key,
            )
        return True

    def decisions(self, reader: str | None = None) -> list[Decision]:
        """The decisions that stand, oldest first: the newest per reader and sample of those that were not undone."""
        standing = _standing(self.study, reader).subquery()
        newest = select(func.max(standing.c.sequence)).group_by(standing.c.reader, standing.c.sample_id)
        with self.reading() as connection:
            if connection is None:
                return []
            self._check_head(connection)
            rows = connection.execute(
                select(standing).where(standing.c.sequence.in_(newest)).order_by(standing.c.sequence)
            )
            return [_decision(row) for row in rows.all()]

    def readings(self, reader: str | None = None) -> list[LedgerRow]:
        """The readings, oldest first; protocol tells the blind from the open ones."""
        return self._select(_rows(self.study, reader).where(ledger.c.kind == "reading").order_by(ledger.c.sequence))

    def history(self) -> list[LedgerRow]:
        """Every row of the study, in sequence."""
        return self._select(_ordered(self.study, after=0))

    def head(self) -> Head:
        """The newest row."""
        with self.reading() as connection:
            return Head() if connection is None else self._head(connection)

    def hash_at(self, sequence: int) -> str | None:
        """The hash of the row of that sequence; None where there is none."""
        with self.reading() as connection:
            return None if connection is None else self._hash_at(connection, sequence)

    def verify_chain(self, *, is_incremental: bool = False) -> Head:
        """The newest row, after the whole chain was checked. Raises LedgerError naming the first row that is missing or
        isn't as it was written.

        is_incremental: rows that were found whole before are only counted.
        """
        remembered = (self.memory.read() if self.memory else None) or Remembered(keyed_from=0)
        since = remembered.verified if is_incremental else Head()
        with self.reading() as connection:
            if connection is None:
                return Head()
            self._check_head(connection)
            rows = [LedgerRow(*row) for row in connection.execute(_ordered(self.study, since.sequence))]
            head = Head(rows[-1].sequence, rows[-1].hash) if rows else since
            of_study = select(func.count()).select_from(ledger).where(ledger.c.study == self.study)
            num_rows = connection.execute(of_study.where(ledger.c.sequence <= head.sequence)).scalar_one()
            if since.sequence and self._hash_at(connection, since.sequence) != since.hash:
                raise broken(since.sequence, "is not the one that was verified")
        if is_incremental and num_rows != head.sequence:
            return self.verify_chain()  # names the row that is missing
        first_keyed = next((row.sequence for row in rows if row.chain == KEYED), head.sequence + 1)
        verify(rows, self.key, keyed_from=remembered.keyed_from or first_keyed, since=since)
        self._remember(head, is_verified=True)
        return head

    def with_memory(self, memory: Memory) -> "Ledger":
        """The same ledger, held against what a study remembers of it."""
        return replace(self, memory=memory)

    def trust(self) -> Head:
        """Take the ledger for whole as it is, once its chain holds, whatever the study remembers of it."""
        head = replace(self, memory=None).verify_chain()
        if self.memory is not None:
            self.memory.path.unlink(missing_ok=True)
            self._remember(head, is_verified=True)
        return head

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction of the one writer that the study has at a time, on a ledger that is the one remembered."""
        if not self._is_there():
            self._require_found()
            prepare(self.engine)
        with transaction(self.engine, is_writing=True) as connection:
            self._lock(connection)
            self._check_head(connection)
            yield connection
            head = self._head(connection)
        self._remember(head)

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """A transaction; None where no row was ever written."""
        if not self._is_there():
            self._require_found()
            yield None
            return
        with transaction(self.engine) as connection:
            yield connection

    def _select(self, rows) -> list[LedgerRow]:
        with self.reading() as connection:
            return [] if connection is None else [LedgerRow(*row) for row in connection.execute(rows)]

    def _is_there(self) -> bool:
        url = self.engine.url
        if url.get_backend_name() != "sqlite":
            return True
        path = Path(url.database)
        return path.is_file() and path.stat().st_size > 0

    def _require_found(self) -> None:
        """Raise LedgerError where there is no database although the study remembers rows."""
        if self._is_there() or self.memory is None:
            return
        remembered = self.memory.read()
        if remembered is not None and remembered.head.sequence:
            raise LedgerError(
                f"{self.engine.url.database}: the review ledger is gone or empty, and it held at least "
                f"{remembered.head.sequence} rows; nothing was touched: put a backup back (`python -m core restore`)"
            )

    def _check_head(self, connection: Connection) -> None:
        """Raise LedgerError where the row that is remembered as the newest is not in the ledger."""
        remembered = self.memory.read() if self.memory else None
        if remembered is None or not remembered.head.sequence:
            return
        found = self._hash_at(connection, remembered.head.sequence)
        if found is None:
            raise LedgerError(
                f"the review ledger ends at row {self._head(connection).sequence}, and {remembered.head.sequence} were "
                "saved: rows are lost; nothing was touched: put a backup back (`python -m core restore`)"
            )
        if found != remembered.head.hash:
            raise broken(remembered.head.sequence, "is not the one that was saved")

    def _hash_at(self, connection: Connection, sequence: int) -> str | None:
        rows = select(ledger.c.hash).where(ledger.c.study == self.study, ledger.c.sequence == sequence)
        return connection.execute(rows).scalar_one_or_none()

    def _head(self, connection: Connection) -> Head:
        last = connection.execute(_last(self.study)).one_or_none()
        return Head() if last is None else Head(last.sequence, last.hash)

    def _remember(self, head: Head, *, is_verified: bool = False) -> None:
        if self.memory is None or not head.sequence:
            return
        known = self.memory.read()
        if known is None:
            known = Remembered(keyed_from=self._first_keyed(head))
        newer = replace(
            known,
            head=max(known.head, head, key=lambda one: one.sequence),
            verified=head if is_verified else known.verified,
        )
        if newer != known:
            self.memory.write(newer)

    def _first_keyed(self, head: Head) -> int:
        with transaction(self.engine) as connection:
            rows = select(func.min(ledger.c.sequence)).where(ledger.c.study == self.study, ledger.c.chain == KEYED)
            return connection.execute(rows).scalar_one() or head.sequence + 1

    def _check_fresh(self, connection: Connection, verdict: Verdict) -> None:
        standing = _standing(self.study, verdict.reader, verdict.sample_id)
        last = max(connection.execute(standing).all(), key=lambda row: row.sequence, default=None)
        if (last.idempotency_key if last else "") != verdict.follows:
            did = "took your verdict on this sample back" if last is None else "decided this sample"
            raise StaleVerdictError(f"you {did} in another window meanwhile; this verdict was not recorded")

    def _lock(self, connection: Connection) -> None:
        # One writer per study at a time, so that each row follows the one before it. SQLite's BEGIN IMMEDIATE does it.
        if connection.dialect.name == "postgresql":
            key = int.from_bytes(hashlib.sha256(self.study.encode()).digest()[:8], signed=True)
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})

    def find(self, connection: Connection, key: str) -> Row | None:
        return connection.execute(_rows(self.study).where(ledger.c.idempotency_key == key)).one_or_none()

    def append(self, connection: Connection, **content: str | int | float | None) -> None:
        """Write a row after the last one, within `writing`. content: fields of LedgerRow; absent ones are empty."""
        last = connection.execute(_last(self.study)).one_or_none()
        absent = dict.fromkeys(_TEXTS, "")
        row = sealed(
            LedgerRow(
                **absent | {"score": None, "elapsed_ms": 0} | content,
                study=self.study,
                sequence=1 if last is None else last.sequence + 1,
                recorded_at=datetime.now(UTC).isoformat(timespec="microseconds"),
                app_version=full_version(),
                previous_hash=FIRST_HASH if last is None else last.hash,
            ),
            self.key,
        )
        connection.execute(insert(ledger).values(asdict(row)))


def _rows(study: str, reader: str | None = None, sample_id: str | None = None):
    rows = select(ledger).where(ledger.c.study == study)
    if reader is not None:
        rows = rows.where(ledger.c.reader == reader)
    if sample_id is None:
        return rows
    # In two steps, for SQLite would go through all rows of the study: the index alone tells which ones are meant.
    indexed = ledger.alias()
    of_sample = select(indexed.c.sequence).where(
        indexed.c.study == study, indexed.c.reader == reader, indexed.c.sample_id == sample_id
    )
    return rows.where(ledger.c.sequence.in_(of_sample))


def _ordered(study: str, after: int):
    return _rows(study).where(ledger.c.sequence > after).order_by(ledger.c.sequence)


def _last(study: str):
    return _rows(study).order_by(ledger.c.sequence.desc()).limit(1)


def _standing(study: str, reader: str | None, sample_id: str | None = None):
    """Verdicts that were not undone, re-decided ones included."""
    undone = select(ledger.c.undone_key).where(ledger.c.study == study, ledger.c.undone_key > "")
    return _rows(study, reader, sample_id).where(ledger.c.kind == "verdict", ledger.c.idempotency_key.not_in(undone))


def _decision(row: Row) -> Decision:
    # By position, and all at once: this is done for every decision whenever a page is drawn.
    _, sequence, _, sample_id, reader, given, proposed, chosen, kind, note, protocol, run, score, elapsed_ms, *rest = (
        row
    )
    recorded_at, _, key, _, _, _, follows, image_sha256, _ = rest
    shown = (key, protocol, note, elapsed_ms, follows, image_sha256)
    verdict = Verdict(sample_id, reader, _KINDS[kind], given, proposed, chosen, run, score, *shown)
    return Decision(verdict, sequence, datetime.fromisoformat(recorded_at))
