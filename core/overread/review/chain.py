"""The chain of hashes that ties each row of the ledger to the row before it."""

import hashlib
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from overread.errors import LedgerFaultError
from overread.review.ledger_state import Head

FIRST_HASH = "0" * 64
"""The hash of the row before the first."""
KEYED = 2
"""The hash rule of current rows: HMAC under the study's key, so that nobody without it can forge a chain. Rule 1, of
rows from before schema 0002, was SHA-256 without a key."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A row of the ledger, as it is stored."""

    study: str
    sequence: int
    """1 for the study's first row, then one more each."""
    kind: str
    """verdict, undo, reading, reader (a name is given, with a code); or of what is disputed, round (one is opened),
    second (a label in the second round) or adjudication."""
    sample_id: str
    """Empty in a row of kind reader or round."""
    reader: str
    given_label: str
    """Empty in a blind reading, where it was not shown."""
    proposed_label: str
    chosen_label: str
    """The label that follows from the verdict, or that was read; empty for exclude and undo."""
    verdict: str
    """Empty in an undo; in a reading, what it says in place of a label: ambiguous, exclude or cannot_judge; in a second
    label or an adjudication: exclude or unresolved. In a round, which one."""
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
    """In an undo: the idempotency key of the verdict that it undoes."""
    previous_hash: str
    hash: str = ""
    follows: str = ""
    """In a verdict: the idempotency key of the reader's verdict on the sample that stood before; empty for none."""
    image_sha256: str = ""
    """Of the image that was judged; empty where it is not known."""
    chain: int = KEYED
    """The rule by which the row is hashed."""
    grade: str = ""
    """In a verdict: one of `Grade`; empty for none."""
    identity: str = ""
    """How the reader was identified (`Identity`); empty for a name that was typed."""


_NAMES = tuple(field.name for field in fields(LedgerRow))
_HASH = _NAMES.index("hash")
_UNKEYED = _NAMES[:_HASH]
"""The fields that rule 1 hashes."""


def row_hash(row: LedgerRow, key: bytes) -> str:
    """The row's hash in hexadecimal, over all of its fields but `hash`, as ASCII JSON without spaces.

    HMAC-SHA256 under `key` over the list of values in the order of the fields; without an empty identity at its end,
    and then without an empty grade, which rows from before schemas 0004 and 0003 do not have. Of a row of rule 1,
    SHA-256 over the object with its keys sorted.
    """
    if row.chain != KEYED:
        content = {name: getattr(row, name) for name in _UNKEYED}
        return hashlib.sha256(_canonical(content)).hexdigest()
    num_empty = 0 if row.identity else 1 if row.grade else 2
    values = [getattr(row, name) for name in _NAMES[: len(_NAMES) - num_empty]]
    del values[_HASH]
    return hmac.digest(key, _canonical(values), "sha256").hex()


def with_hash(row: LedgerRow, key: bytes) -> LedgerRow:
    """The row with its hash set."""
    return replace(row, hash=row_hash(row, key))


def verify(rows: Iterable[LedgerRow], key: bytes, *, keyed_from: int = 1, since: Head | None = None) -> None:
    """Raises LedgerFaultError naming the first row of a study's chain, in sequence, that isn't as it was written.

    keyed_from: the sequence from which on rows must be keyed. since: the row before the first of `rows`, where the
    chain up to it was verified. The chain shows changes, gaps and forgeries within it; rows that were removed at its
    end leave no trace, except for a head that was recorded elsewhere.
    """
    since = since if since and since.sequence else Head(0, FIRST_HASH)
    previous_hash = since.hash
    for expected, row in enumerate(rows, start=since.sequence + 1):
        if row.sequence != expected:
            raise chain_error(expected, f"is missing (row {row.sequence} follows)")
        if not hmac.compare_digest(row.hash, row_hash(row, key)) or (row.chain != KEYED and expected >= keyed_from):
            raise chain_error(expected, "is not as it was written: it was changed, moved or inserted")
        if row.previous_hash != previous_hash:
            raise chain_error(expected, "does not follow the row before it: rows were removed, inserted or moved")
        previous_hash = row.hash


def chain_error(sequence: int, fault: str) -> LedgerFaultError:
    """The error for a row that does not fit into the chain."""
    return LedgerFaultError(
        f"ledger row {sequence}: {fault}; nothing was changed: restore a backup (`overread restore`)"
    )


def _canonical(content: object) -> bytes:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.encode("ascii")
