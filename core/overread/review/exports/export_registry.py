"""The export formats for reviewed labels. A new one is a module with its FORMAT, and a line here."""

from overread.errors import ConfigError
from overread.review.exports import (
    bundle,
    changes_csv,
    cleanlab_issues,
    croissant,
    fiftyone_labels,
    imagefolder,
    label_studio_tasks,
    plain_csv,
    readings_csv,
)
from overread.review.exports.export_format import ExportFormat

FORMATS: tuple[ExportFormat, ...] = (
    plain_csv.FORMAT,
    croissant.FORMAT,
    changes_csv.FORMAT,
    readings_csv.FORMAT,
    bundle.FORMAT,
    imagefolder.FORMAT,
    fiftyone_labels.FORMAT,
    label_studio_tasks.FORMAT,
    cleanlab_issues.FORMAT,
)
"""In the order in which messages, help and the Export page list them."""


def export_format(name: str) -> ExportFormat:
    """The format of this name. Raises ConfigError, which lists the known ones."""
    for format in FORMATS:
        if format.name == name:
            return format
    raise ConfigError(f"--format {name}: unknown value; choose from {', '.join(format.name for format in FORMATS)}")
