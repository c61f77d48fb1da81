"""The formats that sources are read in. A new one is a module with its FORMAT, and a line here."""

from pathlib import Path

from overread.errors import SourceError
from overread.sources import chaoyang, csv_table, fiftyone, folder, kermany, label_studio
from overread.sources.arrays import cifar, medmnist
from overread.sources.dicom import dicom_source
from overread.sources.source_files import SourceFiles
from overread.sources.source_format import FormatOption, OnBytes, SourceFormat

FORMATS: tuple[SourceFormat, ...] = (
    folder.FORMAT,
    csv_table.FORMAT,
    chaoyang.FORMAT,
    kermany.FORMAT,
    dicom_source.FORMAT,
    cifar.FORMAT,
    medmnist.FORMAT,
    fiftyone.FORMAT,
    label_studio.FORMAT,
)
"""In the order in which messages, help and the form list them."""


def find_format(name: str) -> SourceFormat | None:
    """The format of this name; None where there is none, as for a study that a later version made."""
    return next((format for format in FORMATS if format.name == name), None)


def by_precedence() -> list[SourceFormat]:
    """The formats in the order in which a source is recognised."""
    return sorted(FORMATS, key=lambda format: format.precedence)


def format_names() -> list[str]:
    return [format.name for format in FORMATS]


def options_for(field: str) -> list[FormatOption]:
    """What the formats that take a flag of `import` say of it. field: as in FormatOption."""
    return [option for format in FORMATS for option in format.options if option.field == field]


def recognised_format(files: SourceFiles) -> SourceFormat:
    """The format of a source whose user does not name it.

    One that alone has an option that was given, else the first by precedence that recognises the source. Raises
    SourceError for a labels file in a layout of JSON that no format knows.
    """
    for format in FORMATS:
        if any(option.is_telling and getattr(files.request, option.field) for option in format.options):
            return format
    for format in by_precedence():
        if format.recognise(files):
            return format
    raise SourceError(
        f"{files.labels_file}: JSON is read as FiftyOne and Label Studio export it, and in Chaoyang's layout "
        "(train.json beside train/); give one of these, or a CSV"
    )


def local_source(source: Path | str, on_progress: OnBytes | None = None) -> Path | str:
    """A source that is a path or a URL, as it is; of a dataset that is named, its file, fetched if it isn't there.

    Raises ConfigError for a name that the format does not know, SourceError where the file cannot be fetched.
    """
    format = named_dataset(str(source))
    return source if format is None else format.download.fetch(str(source), on_progress)


def named_dataset(source: str) -> SourceFormat | None:
    """The format whose dataset a source names, as in medmnist:pathmnist; None for a path or a URL."""
    return next((f for f in FORMATS if f.download and source.startswith(f.download.prefix)), None)
