"""The chain of hashes that ties each row of the ledger to the row before it."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from core.errors import LedgerError

FIRST_HASH = "0" * 64
"""Stands for the row before the first."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A row of the ledger, as it is stored."""

    study: str
    sequence: int
    """1 for the study's first row, then one more each."""
    kind: str
    """verdict, undo or reading."""
    sample_id: str
    reader: str
    given_label: str
    """Empty in a blind reading: nothing had been shown."""
    proposed_label: str
    chosen_label: str
    """The label that follows from the verdict, or that was read; empty for exclude and undo."""
    verdict: str
    """Empty in a reading and an undo."""
    note: str
    protocol: str
    """open or blind."""
    run: str
    score: float | None
    """label_error_probability when the sample was shown; None in a reading."""
    elapsed_ms: int
    recorded_at: str
    """UTC, ISO 8601, with microseconds."""
    app_version: str
    idempotency_key: str
    undone_key: str
    """In an undo: the idempotency key of the verdict that it takes back."""
    previous_hash: str
    hash: str = ""


_CONTENT = tuple(field.name for field in fields(LedgerRow) if field.name != "hash")


def row_hash(row: LedgerRow) -> str:
    """SHA-256, in hexadecimal, of the row as JSON: all fields but `hash`, keys sorted, no spaces, ASCII."""
    content = {name: getattr(row, name) for name in _CONTENT}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def sealed(row: LedgerRow) -> LedgerRow:
    """The row with its hash."""
    return replace(row, hash=row_hash(row))


def verify(rows: Iterable[LedgerRow]) -> None:
    """Raises LedgerError naming the first row of a study's chain, in sequence, that isn't as it was written.

    A chain shows a change, a gap and a forgery in its middle; rows cut off at its end leave no trace in it.
    """
    previous_hash = FIRST_HASH
    for expected, row in enumerate(rows, start=1):
        if row.sequence != expected:
            raise LedgerError(f"ledger row {expected}: is missing (row {row.sequence} follows); restore a backup")
        if row.previous_hash != previous_hash:
            raise LedgerError(f"ledger row {expected}: does not follow the row before it; restore a backup")
        if row.hash != row_hash(row):
            raise LedgerError(f"ledger row {expected}: was changed after it was written; restore a backup")
        previous_hash = row.hash
