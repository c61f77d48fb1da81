"""The rows of a ledger: appended, never changed, and compared with what the study has recorded about them."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self
from weakref import WeakSet

from sqlalchemy import Connection, Engine, Row, Select, func, insert, select, text

from overread.errors import LedgerFaultError
from overread.review.chain import FIRST_HASH, KEYED, LedgerRow, chain_error, verify, with_hash
from overread.review.database import open_engine, prepare, transaction
from overread.review.ledger_queries import last_row, rows_after, rows_of
from overread.review.ledger_state import Head, LedgerState, LedgerStateFile
from overread.review.roles import Actor
from overread.review.row_rules import check_texts
from overread.review.schema import ledger
from overread.review.sqlite import ledger_file
from overread.version import full_version

_TEXTS = ("given_label", "proposed_label", "chosen_label", "verdict", "note", "protocol", "run", "undone_key")
_prepared: WeakSet[Engine] = WeakSet()
"""Those to which this process has written."""


@dataclass(frozen=True, slots=True)
class LedgerStore:
    """The rows of one study. Holds no connection: each operation opens one, for one transaction."""

    engine: Engine
    study: str
    key: bytes = b""
    """The study's secret, under which rows are hashed."""
    state_file: LedgerStateFile | None = None
    """What the study has recorded about its ledger; with None, lost rows are not noticed."""
    actor: Actor | None = None
    """For whom it is read and written; None: for the study's owner, on this machine."""

    @classmethod
    def open(
        cls, url: str, study: str, key: bytes = b"", *, state_file: LedgerStateFile | None = None, creates: bool = True
    ) -> Self:
        """url: in SQLAlchemy's form (Study.ledger_url). study: identifies the study (Study.ledger_study).

        creates: create a missing database now; else the first row creates it, and until then the ledger is empty.
        Raises LedgerFaultError if a newer program wrote it, or if it does not match the state file.
        """
        check_texts(study=study)
        ledger = cls(open_engine(url), study, key, state_file)
        is_there = ledger._is_there()
        if not is_there and creates:
            ledger._require_unused()
        if is_there or creates:
            prepare(ledger.engine)
        if state_file is not None:
            recorded = ledger._recorded()
            with ledger.reading() as connection:
                if connection is not None:
                    ledger._check_head(connection, recorded)
        return ledger

    def history(self) -> list[LedgerRow]:
        """Every row of the study, in sequence. Raises NotAllowedError."""
        self._require_visible(None)
        return self._select(rows_after(self.study, sequence=0))

    def head(self) -> Head:
        """The newest row."""
        with self.reading() as connection:
            return Head() if connection is None else self._head(connection)

    def hash_at(self, sequence: int) -> str | None:
        """The hash of the row of that sequence; None where there is none."""
        with self.reading() as connection:
            return None if connection is None else self._hash_at(connection, sequence)

    def verify_chain(self, *, is_incremental: bool = False) -> Head:
        """The newest row, after the whole chain was verified. Raises LedgerFaultError naming the first row that is
        missing or was changed.

        is_incremental: rows that were verified before are only counted.
        """
        recorded = self._recorded() or LedgerState(keyed_from=0)
        since = recorded.verified if is_incremental else Head()
        with self.reading() as connection:
            if connection is None:
                return Head()
            self._check_head(connection, recorded)
            rows = [LedgerRow(*row) for row in connection.execute(rows_after(self.study, since.sequence))]
            head = Head(rows[-1].sequence, rows[-1].hash) if rows else since
            of_study = select(func.count()).select_from(ledger).where(ledger.c.study == self.study)
            num_rows = connection.execute(of_study.where(ledger.c.sequence <= head.sequence)).scalar_one()
            if since.sequence and self._hash_at(connection, since.sequence) != since.hash:
                raise chain_error(since.sequence, "is not the row that was verified")
        if is_incremental and num_rows != head.sequence:
            return self.verify_chain()  # names the row that is missing
        first_keyed = next((row.sequence for row in rows if row.chain == KEYED), head.sequence + 1)
        verify(rows, self.key, keyed_from=recorded.keyed_from or first_keyed, since=since)
        self._save_state(head, is_verified=True)
        return head

    def acting(self, actor: Actor) -> Self:
        """The same ledger for a signed-in person: it shows and takes what their account allows. Raises
        NotAllowedError where the study is not theirs."""
        actor.require_study(self.study)
        return replace(self, actor=actor)

    def with_state_file(self, state_file: LedgerStateFile) -> Self:
        """The same ledger, compared with a study's state file."""
        return replace(self, state_file=state_file)

    def trust(self) -> Head:
        """Verify the chain, and record the ledger as complete, whatever the state file says."""
        head = replace(self, state_file=None).verify_chain()
        if self.state_file is not None:
            self.state_file.path.unlink(missing_ok=True)
            self._save_state(head, is_verified=True)
        return head

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction for writing, one at a time per study. Raises LedgerFaultError if rows are missing."""
        is_there = self._is_there()
        if not is_there:
            self._require_unused()
        if not is_there or self.engine not in _prepared:
            prepare(self.engine)  # also waits for whoever makes the database at this moment
            _prepared.add(self.engine)
        with transaction(self.engine, is_writing=True) as connection:
            self._lock(connection)
            self._check_head(connection, self._recorded())
            yield connection
            head = self._head(connection)
        self._save_state(head)

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """A transaction for reading; None where no row was ever written."""
        if not self._is_there():
            self._require_unused()
            yield None
            return
        with transaction(self.engine) as connection:
            if self._has_table(connection):
                yield connection
                return
            self._require_unused()  # the file was made a moment ago, and what is in it is not committed yet
            yield None

    def find(self, connection: Connection, key: str) -> Row[Any] | None:
        """The row of that idempotency key, within `writing`."""
        return connection.execute(rows_of(self.study).where(ledger.c.idempotency_key == key)).one_or_none()

    def append(self, connection: Connection, **content: str | int | float | None) -> None:
        """Write a row after the last one, within `writing`. content: fields of LedgerRow; absent ones are empty."""
        last = connection.execute(last_row(self.study)).one_or_none()
        absent: dict[str, Any] = dict.fromkeys(_TEXTS, "")
        if self.actor is not None:
            self._require_own(str(content["reader"]))
            absent["identity"] = self.actor.identity.value
        row = with_hash(
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

    def _require_own(self, reader: str) -> None:
        if self.actor is not None:
            self.actor.require_own(reader)

    def _require_visible(self, reader: str | None) -> None:
        if self.actor is not None:
            self.actor.require_visible(reader)

    def _select(self, rows: Select[Any]) -> list[LedgerRow]:
        with self.reading() as connection:
            return [] if connection is None else [LedgerRow(*row) for row in connection.execute(rows)]

    def _is_there(self) -> bool:
        if self.engine.dialect.name != "sqlite":
            return True
        path = ledger_file(self.engine)
        return path.is_file() and path.stat().st_size > 0

    def _has_table(self, connection: Connection) -> bool:
        if self.engine.dialect.name != "sqlite":
            return True
        query = text("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name")
        return connection.execute(query, {"name": ledger.name}).first() is not None

    def _require_unused(self) -> None:
        """Raise LedgerFaultError where rows were recorded, although there are none."""
        if self.state_file is None:
            return
        recorded = self.state_file.read()
        if recorded is not None and recorded.head.sequence:
            raise LedgerFaultError(
                f"{self.engine.url.database}: the review ledger is missing or empty, but it held at least "
                f"{recorded.head.sequence} rows; nothing was changed: restore a backup (`overread restore`)"
            )

    def _recorded(self) -> LedgerState | None:
        """To read before a transaction for reading: its snapshot may lack what another process saves meanwhile."""
        return self.state_file.read() if self.state_file else None

    def _check_head(self, connection: Connection, recorded: LedgerState | None) -> None:
        """Raise LedgerFaultError where the row that was recorded as the newest is not in the ledger."""
        if recorded is None or not recorded.head.sequence:
            return
        found = self._hash_at(connection, recorded.head.sequence)
        if found is None:
            raise LedgerFaultError(
                f"the review ledger ends at row {self._head(connection).sequence}, and {recorded.head.sequence} were "
                "saved: rows are lost; nothing was changed: restore a backup (`overread restore`)"
            )
        if found != recorded.head.hash:
            raise chain_error(recorded.head.sequence, "is not the row that was saved")

    def _hash_at(self, connection: Connection, sequence: int) -> str | None:
        rows = select(ledger.c.hash).where(ledger.c.study == self.study, ledger.c.sequence == sequence)
        return connection.execute(rows).scalar_one_or_none()

    def _head(self, connection: Connection) -> Head:
        last = connection.execute(last_row(self.study)).one_or_none()
        return Head() if last is None else Head(last.sequence, last.hash)

    def _save_state(self, head: Head, *, is_verified: bool = False) -> None:
        if self.state_file is None or not head.sequence:
            return
        known = self.state_file.read()
        if known is None:
            known = LedgerState(keyed_from=self._first_keyed(head))
        newer = replace(
            known,
            head=max(known.head, head, key=lambda one: one.sequence),
            verified=head if is_verified else known.verified,
        )
        if newer != known:
            self.state_file.write(newer)

    def _first_keyed(self, head: Head) -> int:
        with transaction(self.engine) as connection:
            rows = select(func.min(ledger.c.sequence)).where(ledger.c.study == self.study, ledger.c.chain == KEYED)
            return connection.execute(rows).scalar_one() or head.sequence + 1

    def _lock(self, connection: Connection) -> None:
        # One writer per study at a time, so that each row follows the one before it. SQLite's BEGIN IMMEDIATE does it.
        if connection.dialect.name == "postgresql":
            key = int.from_bytes(hashlib.sha256(self.study.encode()).digest()[:8], signed=True)
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
