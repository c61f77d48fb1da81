"""The reviewed labels of a study, as a table and in the formats of other programs."""

from pathlib import Path

import pandas as pd

from core.datasets.runs import find_runs, open_run
from core.datasets.study import Study
from core.errors import ConfigError
from core.review.export import cleaned_table, own_columns, write_csv
from core.review.formats.cleanlab import write_cleanlab
from core.review.formats.croissant import write_croissant
from core.review.formats.fiftyone import write_fiftyone
from core.review.formats.imagefolder import write_imagefolder
from core.review.formats.label_studio import write_label_studio
from core.review.ledger import Ledger
from core.review.reviewed import ReviewedSample, reviewed_samples

EXPORT_FORMATS = ("csv", "croissant", "imagefolder", "fiftyone", "label-studio", "cleanlab")


def export_table(study: Study, run_name: str | None = None) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The cleaned table of a study, and the names of the columns that are not the source's own.

    A study without a finished run exports too: its verdict columns are empty.
    """
    return _export_table(study, _reviewed(study, run_name))


def export_study(
    study: Study,
    out: Path,
    run_name: str | None = None,
    *,
    format: str = "csv",
    spreadsheet_safe: bool = False,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Write the reviewed labels in a format of EXPORT_FORMATS; returns what `export_table` does.

    out: a file; of imagefolder and fiftyone a folder. croissant is the cleaned CSV with its metadata beside it, and
    label-studio the tasks with their labelling config beside them. spreadsheet_safe: of csv, the source's own cells are
    made harmless too. Raises ConfigError for what the format cannot hold.
    """
    if format not in EXPORT_FORMATS:
        raise ConfigError(f"--format {format}: is not known; give one of {', '.join(EXPORT_FORMATS)}")
    if spreadsheet_safe and format != "csv":
        raise ConfigError(f"--spreadsheet-safe: is for the cleaned CSV, not for format {format}; leave it out")
    samples = _reviewed(study, run_name)
    table, own_columns = _export_table(study, samples)
    # A verdict may name a class that an update has taken away since.
    labels = {label for sample in samples for label in (sample.final_label, sample.proposed_label) if label}
    classes = (*study.classes, *sorted(labels - set(study.classes)))
    match format:
        case "csv" | "croissant":
            write_csv(table, out, own_columns=own_columns, spreadsheet_safe=spreadsheet_safe)
        case "imagefolder":
            write_imagefolder(samples, out, locate=lambda image: _image_file(study, image))
        case "fiftyone":
            write_fiftyone(samples, classes, out)
        case "label-studio":
            write_label_studio(samples, classes, out)
        case "cleanlab":
            write_cleanlab(samples, classes, out)
    if format == "croissant":
        columns = {"image_column": study.image_column, "label_column": study.label_column, "own_columns": own_columns}
        write_croissant(out, name=study.name, classes=classes, **columns)
    return table, own_columns


def _reviewed(study: Study, run_name: str | None) -> list[ReviewedSample]:
    run = None
    if run_name is not None or any(run.is_finished for run in find_runs(study)):
        run = open_run(study, run_name)
    return reviewed_samples(
        study.samples(),
        Ledger.open(study.ledger_url, study.ledger_study).decisions(),
        scores=run.scores() if run else None,
        run=run.name if run else "",
    )


def _export_table(study: Study, samples: list[ReviewedSample]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    source = study.source_table()
    table = cleaned_table(
        source,
        samples,
        image_column=study.image_column,
        label_column=study.label_column,
        written_labels=study.written_labels,
    )
    return table, own_columns(tuple(source.columns))


def _image_file(study: Study, image: str) -> Path | None:
    """The file of an image that has one to itself."""
    location = study.image_location(image)
    return location.path if location.frame is None and location.path.is_file() else None
