"""The format `csv`: the cleaned CSV by itself."""

from overread.review.cleaned_csv import write_csv
from overread.review.exports.export_format import ExportFormat

FORMAT = ExportFormat(
    name="csv",
    title="Cleaned CSV",
    write=lambda content, out: write_csv(
        content.table, out, own_columns=content.own_columns, spreadsheet_safe=content.spreadsheet_safe
    ),
    suffix=".csv",
    explanation="One row for each row of the source: its own columns, then the final label, who decided it, when, and "
    "on what evidence.",
    names_readers=True,
    is_spreadsheet=True,
)
