"""How a study's samples are shared among its readers: how many read each, and how long one may hold it."""

import hashlib
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, delete, insert, select

from overread.errors import ConfigError
from overread.review.ledger import Ledger
from overread.review.roles import Action, require
from overread.review.schema import assignments, claims

KNOWN_S = 5.0
"""How long a process takes an assignment for unchanged: so that no request of a study without one asks for it."""
_known: dict[tuple[Engine, str], tuple[float, "Assignment | None"]] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Assignment:
    """A study's assignment. Raises ConfigError for a number that makes no sense."""

    readers_per_sample: int = 1
    overlap: float = 0.0
    """The share of samples, in [0, 1], that one more reader reads: for agreement."""
    lease_s: int = 7200
    """How long a reader holds a sample after their last verdict, in seconds."""
    batch: int = 20
    """How many samples a reader gets at a time."""
    seed: int = 0
    """Draws the samples that one more reader reads."""

    def __post_init__(self) -> None:
        if self.readers_per_sample < 1:
            raise ConfigError(f"--readers-per-sample {self.readers_per_sample}: give 1 or more")
        if not 0 <= self.overlap <= 1:
            raise ConfigError(f"--overlap {self.overlap}: give a share such as 20% or 0.2")
        if not 60 <= self.lease_s <= 30 * 86400:
            raise ConfigError(f"--lease: {self.lease_s} seconds is not between one minute and 30 days")
        if not 1 <= self.batch <= 1000:
            raise ConfigError(f"--batch {self.batch}: give 1 to 1000")

    def num_due(self, sample_id: str) -> int:
        """How many readers read a sample: by a hash of its id, so that neither the order of files nor a model's score
        decides which ones are read once more."""
        digest = hashlib.sha256(f"overlap {self.seed}\n{sample_id}".encode()).digest()
        return self.readers_per_sample + (int.from_bytes(digest[:8]) < self.overlap * 2**64)


def assign(ledger: Ledger, assignment: Assignment, *, by: str = "") -> None:
    """Share a study's samples that way from now on; claims stay. by: the owner's name, if it is known. Raises
    LedgerError, and NotAllowedError."""
    require(ledger.actor, Action.MANAGE)
    with ledger.writing() as connection:
        connection.execute(delete(assignments).where(assignments.c.study == ledger.study))
        created_at = datetime.now(UTC).isoformat(timespec="seconds")
        values = asdict(assignment) | {"study": ledger.study, "created_at": created_at, "created_by": by}
        connection.execute(insert(assignments).values(values))
    _forget(ledger)


def end_assignment(ledger: Ledger) -> None:
    """Let every reader read all samples again; all claims end. Raises LedgerError, and NotAllowedError for who is not
    the owner."""
    require(ledger.actor, Action.MANAGE)
    with ledger.writing() as connection:
        for table in (assignments, claims):
            connection.execute(delete(table).where(table.c.study == ledger.study))
    _forget(ledger)


def current_assignment(ledger: Ledger) -> Assignment | None:
    """The study's assignment, as it was at most `KNOWN_S` ago; None for none."""
    key, now_s = (ledger.engine, ledger.study), time.monotonic()
    asked_s, found = _known.get(key, (float("-inf"), None))
    if now_s - asked_s < KNOWN_S:
        return found
    columns = [assignments.c[name] for name in Assignment.__dataclass_fields__]
    with ledger.reading() as connection:
        of_study = select(*columns).where(assignments.c.study == ledger.study)
        row = None if connection is None else connection.execute(of_study).one_or_none()
    found = None if row is None else Assignment(*row)
    with _lock:
        _known[key] = now_s, found
    return found


def sharing_rows(ledger: Ledger) -> dict[str, list[dict[str, Any]]]:
    """The assignment and the claims, as a backup keeps them: by table, the rows without the study."""
    with ledger.reading() as connection:
        if connection is None:
            return {}
        found = {}
        for table in (assignments, claims):
            columns = [column for column in table.c if column.name != "study"]
            rows = select(*columns).where(table.c.study == ledger.study).order_by(*table.primary_key)
            found[table.name] = [dict(row) for row in connection.execute(rows).mappings()]
        return found


def restore_sharing(ledger: Ledger, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Share a study's samples as these `sharing_rows` say, leases included, unless they are shared already. Raises
    LedgerError."""
    if not rows.get(assignments.name):
        return
    with ledger.writing() as connection:
        of_study = select(assignments.c.study).where(assignments.c.study == ledger.study)
        if connection.execute(of_study).first() is None:
            for table in (assignments, claims):
                if values := [{**row, "study": ledger.study} for row in rows.get(table.name, ())]:
                    connection.execute(insert(table), values)
    _forget(ledger)


def _forget(ledger: Ledger) -> None:
    with _lock:
        _known.pop((ledger.engine, ledger.study), None)
