"""Checks of the ledger's rows: verdicts must be consistent, and texts storable."""

import math
from typing import TYPE_CHECKING, Any

from overread.errors import LedgerError
from overread.records import Grade, Protocol, Reading, Verdict, VerdictKind

if TYPE_CHECKING:
    from sqlalchemy import Row

BULK = "bulk"
"""The protocol of a verdict on several images at once, by their thumbnails: it makes a final label, and is no careful
reading. No study has it as its own."""
KEEPING_KINDS = (VerdictKind.REJECT, VerdictKind.AMBIGUOUS, VerdictKind.CANNOT_JUDGE)
"""Verdicts that keep the given label."""
CHANGING_KINDS = (VerdictKind.ACCEPT, VerdictKind.RELABEL)
"""Verdicts that another class is right than the given one; only these may be graded."""
LABELLING_KINDS = (VerdictKind.ACCEPT, VerdictKind.REJECT, VerdictKind.RELABEL)
"""Verdicts that say what an image shows; ambiguous, exclude and cannot judge give no label."""
FINDINGS = (VerdictKind.AMBIGUOUS, VerdictKind.CANNOT_JUDGE, VerdictKind.EXCLUDE)
"""What a reading may say in place of a label."""


def check_verdict(verdict: Verdict) -> VerdictKind:
    """The verdict's kind. Raises LedgerError for an inconsistent verdict."""
    try:
        kind = VerdictKind(verdict.kind)
    except ValueError as error:
        raise LedgerError(f"verdict {verdict.kind!r} is not one of {', '.join(VerdictKind)}") from error
    check_texts(
        sample_id=verdict.sample_id,
        reader=verdict.reader,
        given_label=verdict.given_label,
        idempotency_key=verdict.idempotency_key,
    )
    check_characters(
        run=verdict.run, proposed_label=verdict.proposed_label, chosen_label=verdict.chosen_label, note=verdict.note
    )
    check_characters(follows=verdict.follows, image_sha256=verdict.image_sha256)
    if verdict.protocol not in (*Protocol, BULK):
        raise LedgerError(f"protocol {verdict.protocol!r} is not one of {', '.join((*Protocol, BULK))}")
    if not (math.isfinite(verdict.score) and 0 <= verdict.score <= 1):
        raise LedgerError(f"score {verdict.score} of a verdict is not a probability (0 to 1)")
    check_elapsed(verdict.elapsed_ms)
    if verdict.grade not in ("", *Grade):
        raise LedgerError(f"grade {verdict.grade!r} of a verdict is not one of {', '.join(Grade)}")
    if verdict.grade and kind not in CHANGING_KINDS:
        raise LedgerError(f"{kind} has no grade: it finds no wrong label")
    given, proposed, chosen = verdict.given_label, verdict.proposed_label, verdict.chosen_label
    if kind is VerdictKind.ACCEPT and not (chosen and chosen == proposed):
        raise LedgerError(f"accept must choose the proposed label {proposed!r}, not {chosen!r}")
    if kind in KEEPING_KINDS and chosen != given:
        raise LedgerError(f"{kind} must keep the given label {given!r}, not {chosen!r}")
    if kind is VerdictKind.EXCLUDE and chosen:
        raise LedgerError(f"exclude must choose no label, not {chosen!r}")
    if kind is VerdictKind.RELABEL and (not chosen or chosen in (given, proposed)):
        raise LedgerError(
            f"relabel must choose a third label, not {chosen!r}: reject keeps the given one, accept takes the "
            "proposed one"
        )
    return kind


def check_reading(reading: Reading) -> None:
    """Raises LedgerError for an inconsistent reading."""
    check_texts(sample_id=reading.sample_id, reader=reading.reader, idempotency_key=reading.idempotency_key)
    check_characters(label=reading.label, given_label=reading.given_label, run=reading.run, note=reading.note)
    check_characters(image_sha256=reading.image_sha256)
    check_elapsed(reading.elapsed_ms)
    if reading.finding is None:
        check_texts(label=reading.label)
    elif reading.finding not in FINDINGS:
        raise LedgerError(f"finding {reading.finding!r} of a reading is not one of {', '.join(FINDINGS)}")
    elif reading.label:
        raise LedgerError(f"a reading has a label or a finding, not {reading.label!r} and {reading.finding}")
    if reading.protocol not in list(Protocol):
        raise LedgerError(f"protocol {reading.protocol!r} is not one of {', '.join(Protocol)}")
    if reading.protocol == Protocol.BLIND and reading.given_label:
        raise LedgerError("a blind reading has no given label, since none was shown")


def check_same(known: "Row[Any]", kind: str, reader: str, sample_id: str) -> None:
    """Raise LedgerError if the row with an idempotency key is of another kind, reader or sample."""
    if (known.kind, known.reader, known.sample_id) != (kind, reader, sample_id):
        raise LedgerError(f"the idempotency key of this {kind} belongs to another row of the ledger; use a new key")


def check_texts(**texts: str) -> None:
    """Raise LedgerError for an empty text, or one that cannot be stored."""
    for name, value in texts.items():
        if not isinstance(value, str) or not value.strip():
            raise LedgerError(f"{name} of a ledger row is empty")
    check_characters(**texts)


def check_characters(**texts: str) -> None:
    """Raise LedgerError for a text that cannot be stored."""
    for name, value in texts.items():
        if not isinstance(value, str):
            raise LedgerError(f"{name} of a ledger row is not text")
        # PostgreSQL holds no NUL, and a lone surrogate is in no encoding.
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise LedgerError(f"{name} of a ledger row holds a character that cannot be stored")


def check_elapsed(elapsed_ms: int) -> None:
    """Raise LedgerError for an impossible number of milliseconds."""
    if not 0 <= elapsed_ms < 2**53:
        raise LedgerError(f"elapsed_ms {elapsed_ms} of a ledger row is not a number of milliseconds")
