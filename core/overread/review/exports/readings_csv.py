"""The format `readings`: what each reader read and decided, a row each, under pseudonyms."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from overread.review.chain import LedgerRow
from overread.review.cleaned_csv import HEAD_COLUMN, VERSION_COLUMN, write_csv
from overread.review.disputes import ADJUDICATION_KIND, SECOND_KIND
from overread.review.exports.export_format import ExportContent, ExportFormat
from overread.review.final_labels import identities
from overread.review.reader_hash import reader_hash
from overread.version import full_version

_ROUND_KINDS = (SECOND_KIND, ADJUDICATION_KIND)
_FIELDS = ("kind", "protocol", "given_label", "proposed_label", "chosen_label", "verdict", "grade", "run", "elapsed_ms")
_COLUMNS = (
    "sequence",
    "sample_id",
    "reader",
    "reader_identity",
    *_FIELDS,
    "date",
    "stands",
    VERSION_COLUMN,
    HEAD_COLUMN,
)


def readings_table(rows: Iterable[LedgerRow], key: bytes, *, head: str = "") -> pd.DataFrame:
    """The ledger's readings and verdicts, and what was decided in later rounds, in sequence, as text; without notes,
    which may name people.

    key: the study's secret, under which a reader's name becomes the same pseudonym in each export. reader_identity: as
    in the cleaned CSV. stands: false for a verdict that was undone, and for what was decided again. date: in UTC, ISO
    8601, without the time of day.
    """
    rows = list(rows)
    replaced = {row.undone_key for row in rows if row.kind == "undo"}
    replaced |= {row.follows for row in rows if row.kind == "verdict" and row.idempotency_key not in replaced}
    newest: dict[tuple[str, str, str], str] = {}
    for row in rows:
        if row.kind in _ROUND_KINDS:
            replaced |= {newest.get((row.kind, row.reader, row.sample_id), row.undone_key)}
            newest[row.kind, row.reader, row.sample_id] = row.idempotency_key
    told = [
        (
            str(row.sequence),
            row.sample_id,
            pseudonym(row.reader, key),
            identities([row.identity]),
            *(str(getattr(row, name)) for name in _FIELDS),
            row.recorded_at[:10],
            "false" if row.idempotency_key in replaced else "true",
            full_version(),
            head,
        )
        for row in rows
        if row.kind in ("verdict", "reading", *_ROUND_KINDS)
    ]
    return pd.DataFrame(told, columns=list(_COLUMNS), dtype=str)


def pseudonym(reader: str, key: bytes) -> str:
    """Of a reader's name; whoever does not have the study's secret cannot compute it."""
    return "reader-" + reader_hash(key, "pseudonym", reader)[:12]


def _write(content: ExportContent, out: Path) -> None:
    table = readings_table(content.history(), content.key, head=content.origin.ledger_head)
    write_csv(table, out, own_columns=_COLUMNS)


FORMAT = ExportFormat(
    name="readings",
    title="Readings",
    write=_write,
    suffix=".csv",
    explanation="One row for each reading, verdict and adjudication, with its reader's pseudonym and without notes.",
)
