"""The ledger: an append-only account of who decided what of which sample, when and on what evidence."""

import hashlib
import math
import tomllib
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

from sqlalchemy import Connection, Engine, Row, func, insert, select, text

from core.errors import LedgerError
from core.records import Decision, Verdict, VerdictKind
from core.review.chain import FIRST_HASH, LedgerRow, sealed, verify
from core.review.database import open_engine, prepare, transaction
from core.review.schema import ledger

PROTOCOLS = ("open", "blind")
"""open: given label, proposal and evidence were shown. blind: the reader labelled the bare image first."""
KEEPING_KINDS = (VerdictKind.REJECT, VerdictKind.AMBIGUOUS, VerdictKind.CANNOT_JUDGE)
"""Verdicts from which the given label follows."""

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

    @classmethod
    def open(cls, url: str, study: str) -> "Ledger":
        """url: as SQLAlchemy writes it (Study.ledger_url). study: tells studies apart (Study.ledger_study).

        Makes the database's tables where they are missing. Raises LedgerError if a newer program wrote them.
        """
        _check_texts(study=study)
        engine = open_engine(url)
        prepare(engine)
        return cls(engine, study)

    def record(self, verdict: Verdict) -> bool:
        """Append a verdict. Once this returns, it is on the disk.

        Returns False, and writes nothing, if the verdict's idempotency key was used for this sample and reader already.
        Raises LedgerError if the verdict contradicts itself, or the key belongs to something else.
        """
        kind = _checked_kind(verdict)
        with transaction(self.engine, is_writing=True) as connection:
            self._lock(connection)
            known = self._find(connection, verdict.idempotency_key)
            if known is not None:
                _check_same(known, "verdict", verdict.reader, verdict.sample_id)
                return False
            self._append(
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
        _check_texts(reader=reader, idempotency_key=key)
        with transaction(self.engine, is_writing=True) as connection:
            self._lock(connection)
            known = self._find(connection, key)
            if known is not None:
                _check_same(known, "undo", reader, known.sample_id)
                return _decision(self._find(connection, known.undone_key))
            standing = _standing(self.study, reader).order_by(ledger.c.sequence.desc()).limit(1)
            last = connection.execute(standing).one_or_none()
            if last is None or shown_key not in (None, last.idempotency_key):
                return None
            self._append(
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
        _check_texts(sample_id=sample_id, reader=reader, label=label, idempotency_key=idempotency_key)
        _check_characters(given_label=given_label, run=run, note=note)
        _check_elapsed(elapsed_ms)
        if is_blind and given_label:
            raise LedgerError("a blind reading has no given label: it was not shown")
        with transaction(self.engine, is_writing=True) as connection:
            self._lock(connection)
            known = self._find(connection, idempotency_key)
            if known is not None:
                _check_same(known, "reading", reader, sample_id)
                return False
            if is_blind and connection.execute(_rows(self.study, reader, sample_id).limit(1)).one_or_none():
                raise LedgerError("this reader has read the sample before: a second reading of it is not blind")
            self._append(
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
        with transaction(self.engine) as connection:
            rows = connection.execute(
                select(standing).where(standing.c.sequence.in_(newest)).order_by(standing.c.sequence)
            )
            return [_decision(row) for row in rows.all()]

    def readings(self, reader: str | None = None) -> list[LedgerRow]:
        """The readings, oldest first; protocol tells the blind from the open ones."""
        rows = _rows(self.study, reader).where(ledger.c.kind == "reading").order_by(ledger.c.sequence)
        with transaction(self.engine) as connection:
            return [LedgerRow(*row) for row in connection.execute(rows)]

    def history(self) -> list[LedgerRow]:
        """Every row of the study, in sequence."""
        with transaction(self.engine) as connection:
            return [LedgerRow(*row) for row in connection.execute(_rows(self.study).order_by(ledger.c.sequence))]

    def verify_chain(self) -> None:
        """Raises LedgerError naming the first row that is missing or isn't as it was written."""
        with transaction(self.engine) as connection:
            verify(LedgerRow(*row) for row in connection.execute(_rows(self.study).order_by(ledger.c.sequence)))

    def _lock(self, connection: Connection) -> None:
        # One writer per study at a time, so that each row follows the one before it. SQLite's BEGIN IMMEDIATE does it.
        if connection.dialect.name == "postgresql":
            key = int.from_bytes(hashlib.sha256(self.study.encode()).digest()[:8], signed=True)
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})

    def _find(self, connection: Connection, key: str) -> Row | None:
        return connection.execute(_rows(self.study).where(ledger.c.idempotency_key == key)).one_or_none()

    def _append(self, connection: Connection, **content: str | int | float | None) -> None:
        last = connection.execute(_rows(self.study).order_by(ledger.c.sequence.desc()).limit(1)).one_or_none()
        absent = dict.fromkeys(("proposed_label", "chosen_label", "verdict", "note", "undone_key"), "")
        row = sealed(
            LedgerRow(
                **absent | {"score": None, "elapsed_ms": 0} | content,
                study=self.study,
                sequence=1 if last is None else last.sequence + 1,
                recorded_at=datetime.now(UTC).isoformat(timespec="microseconds"),
                app_version=_app_version(),
                previous_hash=FIRST_HASH if last is None else last.hash,
            )
        )
        connection.execute(insert(ledger).values(asdict(row)))


def _rows(study: str, reader: str | None = None, sample_id: str | None = None):
    rows = select(ledger).where(ledger.c.study == study)
    if reader is not None:
        rows = rows.where(ledger.c.reader == reader)
    return rows if sample_id is None else rows.where(ledger.c.sample_id == sample_id)


def _standing(study: str, reader: str | None):
    """Verdicts that were not undone, re-decided ones included."""
    undone = select(ledger.c.undone_key).where(ledger.c.study == study, ledger.c.undone_key > "")
    return _rows(study, reader).where(ledger.c.kind == "verdict", ledger.c.idempotency_key.not_in(undone))


def _decision(row: Row) -> Decision:
    # By position, and all at once: this is done for every decision whenever a page is drawn.
    _, sequence, _, sample_id, reader, given, proposed, chosen, kind, note, protocol, run, score, elapsed_ms, *rest = (
        row
    )
    recorded_at, _, key, *_ = rest
    verdict = Verdict(
        sample_id, reader, _KINDS[kind], given, proposed, chosen, run, score, key, protocol, note, elapsed_ms
    )
    return Decision(verdict, sequence, datetime.fromisoformat(recorded_at))


def _checked_kind(verdict: Verdict) -> VerdictKind:
    """The verdict's kind. Raises LedgerError for a verdict that contradicts itself."""
    try:
        kind = VerdictKind(verdict.kind)
    except ValueError as error:
        raise LedgerError(f"verdict {verdict.kind!r} is not one of {', '.join(VerdictKind)}") from error
    _check_texts(
        sample_id=verdict.sample_id,
        reader=verdict.reader,
        given_label=verdict.given_label,
        run=verdict.run,
        idempotency_key=verdict.idempotency_key,
    )
    _check_characters(proposed_label=verdict.proposed_label, chosen_label=verdict.chosen_label, note=verdict.note)
    if verdict.protocol not in PROTOCOLS:
        raise LedgerError(f"protocol {verdict.protocol!r} is not one of {', '.join(PROTOCOLS)}")
    if not (math.isfinite(verdict.score) and 0 <= verdict.score <= 1):
        raise LedgerError(f"score {verdict.score} of a verdict is not a probability (0 to 1)")
    _check_elapsed(verdict.elapsed_ms)
    given, proposed, chosen = verdict.given_label, verdict.proposed_label, verdict.chosen_label
    if kind is VerdictKind.ACCEPT and not (chosen and chosen == proposed):
        raise LedgerError(f"accept chooses the proposed label, and not {chosen!r} where {proposed!r} is proposed")
    if kind in KEEPING_KINDS and chosen != given:
        raise LedgerError(f"{kind} keeps the given label, and not {chosen!r} where {given!r} is given")
    if kind is VerdictKind.EXCLUDE and chosen:
        raise LedgerError(f"exclude chooses no label, and not {chosen!r}")
    if kind is VerdictKind.RELABEL and (not chosen or chosen in (given, proposed)):
        raise LedgerError(
            f"relabel chooses a third label, and not {chosen!r}: reject keeps the given, accept takes the proposed one"
        )
    return kind


def _check_same(known: Row, kind: str, reader: str, sample_id: str) -> None:
    if (known.kind, known.reader, known.sample_id) != (kind, reader, sample_id):
        raise LedgerError(f"the idempotency key of this {kind} belongs to another row of the ledger; make a new key")


def _check_texts(**texts: str) -> None:
    for name, value in texts.items():
        if not isinstance(value, str) or not value.strip():
            raise LedgerError(f"{name} of a ledger row is empty")
    _check_characters(**texts)


def _check_characters(**texts: str) -> None:
    for name, value in texts.items():
        if not isinstance(value, str):
            raise LedgerError(f"{name} of a ledger row is no text")
        # PostgreSQL holds no NUL, and a lone surrogate is in no encoding.
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise LedgerError(f"{name} of a ledger row holds a character that cannot be stored")


def _check_elapsed(elapsed_ms: int) -> None:
    if not 0 <= elapsed_ms < 2**53:
        raise LedgerError(f"elapsed_ms {elapsed_ms} of a ledger row is not a number of milliseconds")


@cache
def _app_version() -> str:
    """The version in the pyproject.toml beside the code, else that of the installed package."""
    path = Path(__file__).parents[2] / "pyproject.toml"
    if path.is_file():
        return tomllib.loads(path.read_text(encoding="utf-8"))["project"]["version"]
    return metadata.version("overread")
