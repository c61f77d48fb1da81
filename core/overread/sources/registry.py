"""The source formats. A new one is a module that defines its FORMAT, and a line here."""

from pathlib import Path

from overread.errors import SourceError
from overread.sources import (
    chaoyang,
    coco,
    csv_table,
    cvat,
    datumaro,
    fiftyone,
    file_names,
    folder,
    hf_parquet,
    kermany,
    label_studio,
)
from overread.sources.arrays import cifar, medmnist, patch_camelyon
from overread.sources.dicom import dicom_source
from overread.sources.releases import covidx, mimic_cxr, mini_mias, rsna_haemorrhage, vindr_cxr
from overread.sources.source_files import SourceFiles
from overread.sources.source_format import FormatOption, OnBytes, SourceFormat

FORMATS: tuple[SourceFormat, ...] = (
    folder.FORMAT,
    file_names.FORMAT,
    csv_table.FORMAT,
    chaoyang.FORMAT,
    kermany.FORMAT,
    dicom_source.FORMAT,
    cifar.FORMAT,
    medmnist.FORMAT,
    patch_camelyon.FORMAT,
    fiftyone.FORMAT,
    label_studio.FORMAT,
    hf_parquet.FORMAT,
    coco.FORMAT,
    cvat.FORMAT,
    datumaro.FORMAT,
    mimic_cxr.FORMAT,
    vindr_cxr.FORMAT,
    rsna_haemorrhage.FORMAT,
    covidx.FORMAT,
    mini_mias.FORMAT,
)
"""In the order in which messages, help and the form list them."""


def find_format(name: str) -> SourceFormat | None:
    """The format of this name; None if there is none."""
    return next((format for format in FORMATS if format.name == name), None)


def by_precedence() -> list[SourceFormat]:
    """The formats in the order in which they are tried on a source."""
    return sorted(FORMATS, key=lambda format: format.precedence)


def format_names() -> list[str]:
    return [format.name for format in FORMATS]


def options_for(field: str) -> list[FormatOption]:
    """The options of all formats for a flag of `import`. field: as in FormatOption."""
    return [option for format in FORMATS for option in format.options if option.field == field]


def recognised_format(files: SourceFiles) -> SourceFormat:
    """The format of a source, if the user does not name it.

    It is the one that a given option implies, else the first by precedence that recognises the source. Raises
    SourceError for a JSON labels file that no format recognises.
    """
    for format in FORMATS:
        if any(option.implies_format and getattr(files.request, option.field) for option in format.options):
            return format
    for format in by_precedence():
        if format.recognise(files):
            return format
    raise SourceError(
        f"{files.labels_file}: JSON is read as COCO, Datumaro, FiftyOne and Label Studio write it, and in Chaoyang's "
        "layout (train.json beside train/); give one of these, or a CSV"
    )


def local_source(source: Path | str, on_progress: OnBytes | None = None) -> Path | str:
    """A path or URL, unchanged; for a named dataset, its file, which is downloaded if necessary.

    Raises ConfigError for an unknown name, SourceError if the file cannot be downloaded.
    """
    format = named_dataset(str(source))
    if format is None or format.download is None:
        return source
    return format.download.fetch(str(source), on_progress)


def named_dataset(source: str) -> SourceFormat | None:
    """The format of a named dataset such as medmnist:pathmnist; None for a path or a URL."""
    return next((f for f in FORMATS if f.download and source.startswith(f.download.prefix)), None)
