"""A table of label issues with the columns of cleanlab's CleanLearning.get_label_issues."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from overread.errors import ConfigError
from overread.review.cleaned_csv import Origin, write_csv
from overread.review.exports.export_format import ExportFormat
from overread.review.reviewed import ReviewedSample

_COLUMNS = (
    "is_label_issue",
    "label_quality",
    "given_label",
    "predicted_label",
    "final_label",
    "reader_identity",
)


def write_cleanlab(samples: Sequence[ReviewedSample], classes: Sequence[str], out: Path, *, origin: Origin) -> None:
    """Write a row for each sample, in the order of the source: image, then cleanlab's columns, then final_label and
    reader_identity (as in the cleaned CSV).

    Labels are their places in `classes`, as cleanlab counts them. is_label_issue: whether the run proposes another
    label. label_quality: from 0 to 1, low where the label is probably wrong. final_label is empty where a reader
    excluded the sample. The origin is in every row. Raises ConfigError where the samples have no scores.
    """
    if not any(sample.run for sample in samples):
        raise ConfigError("this format needs a finished run, and there is none; train the study first")
    fields = origin.fields()
    places = {label: str(place) for place, label in enumerate(classes)}
    rows = [
        (
            sample.image,
            str(bool(sample.proposed_label)),
            "" if sample.error_probability is None else repr(round(1 - sample.error_probability, 6)),
            places[sample.given_label],
            places[sample.proposed_label or sample.given_label],
            places.get(sample.final_label, ""),
            sample.reader_identity,
            *fields.values(),
        )
        for sample in samples
    ]
    table = pd.DataFrame(rows, columns=["image", *_COLUMNS, *fields], dtype=str)
    write_csv(table, out, own_columns=(*_COLUMNS, *fields))


FORMAT = ExportFormat(
    name="cleanlab",
    title="cleanlab",
    write=lambda content, out: write_cleanlab(content.samples, content.classes, out, origin=content.origin),
    suffix=".csv",
    explanation="A table of label issues: `is_label_issue`, `label_quality`, `given_label`, `predicted_label`, and the "
    "final label. Labels are numbers, in the order {classes}.",
    has_codes=True,
    needs_run=True,
)
