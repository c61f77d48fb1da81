"""The format `changes`: what the cleaned CSV adds to the source's table, without that table."""

from pathlib import Path

from overread.files import csv_text, write_atomically
from overread.review.exports.export_format import ExportContent, ExportFormat
from overread.review.label_changes import label_changes


def _write(content: ExportContent, out: Path) -> None:
    table = label_changes(content.table, content.label_column, content.added)
    # As they are: `apply` makes cells harmless for spreadsheets in the cleaned CSV, once.
    write_atomically(out, csv_text([table.columns.tolist(), *table.to_numpy(dtype=object).tolist()]))


FORMAT = ExportFormat(
    name="changes",
    title="Changes",
    write=_write,
    suffix=".csv",
    explanation="What the cleaned CSV adds, for datasets that may not be passed on. Whoever has the source's table "
    "gets the cleaned CSV from it with `overread apply CHANGES ORIGINAL`.",
    names_readers=True,
)
