"""Verdicts and decisions for the tests of review."""

from datetime import UTC, datetime, timedelta

from overread.records import Decision, Verdict, VerdictKind
from overread.review.ledger import visit_key

CHOSEN = {"accept": "tumour", "relabel": "polyp", "exclude": ""}
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def verdict(sample_id="s1", reader="ann", kind="accept", *, visit="1", **changes) -> Verdict:
    """given normal, proposed tumour, and the label that follows from the kind."""
    fields = {
        "sample_id": sample_id,
        "reader": reader,
        "kind": VerdictKind(kind),
        "given_label": "normal",
        "proposed_label": "tumour",
        "chosen_label": CHOSEN.get(kind, "normal"),
        "run": "run-1",
        "score": 0.75,
        "idempotency_key": visit_key(reader, sample_id, visit),
    }
    return Verdict(**fields | changes)


def decision(sequence=1, *args, **changes) -> Decision:
    """A verdict at place `sequence`, decided that many minutes after START."""
    return Decision(verdict(*args, **changes), sequence, START + timedelta(minutes=sequence))
