"""Reads a source: detects its format, reads it, and makes the checks that all formats share."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from overread.errors import ConfigError, ManifestError, SourceError
from overread.images.credentials import bare_url
from overread.images.remote import is_remote
from overread.records import Source, SourceRow
from overread.sources import csv_table, registry
from overread.sources.dicom.frames import with_files_as_groups, with_frames
from overread.sources.dicom.patients import with_patients
from overread.sources.findings import with_finding
from overread.sources.found_images import with_images_found
from overread.sources.image_paths import normal_path
from overread.sources.import_roots import check_below, link_roots
from overread.sources.label_classes import (
    check_are_classes,
    class_doubts,
    listed,
    with_classes,
    with_one_spelling,
    without_answers,
)
from overread.sources.remote_table import read_remote_table
from overread.sources.request import ImportRequest, column_flag
from overread.sources.secret_urls import without_url_credentials
from overread.sources.source_files import SourceFiles, find_files, tables_in
from overread.sources.source_format import SourceFormat


def read_source(request: ImportRequest) -> Source:
    """The source's rows: everything that is known about its images before any of them is opened.

    Raises SourceError, ManifestError or ConfigError, each with one line that says what to mend.
    """
    if request.within:
        labels = None if request.labels is None else Path(request.labels)
        check_below(Path(request.source), labels, request.within)
    if is_remote(str(request.source)):
        return _checked(_read_remote(request), csv_table.FORMAT, request)
    try:
        files = find_files(request)
        format = _chosen_format(files)
        check_request(files, format)
        source = without_url_credentials(format.read(files))
        if source.labels_file and not format.write_images:
            source = with_images_found(source)
        elif not source.labels_file:
            source = _with_tables_told(source, files)
        if format.has_patient_tags and not request.columns.patient:
            source = with_patients(source)
        source = with_frames(source, request.frames)
    except OSError as error:
        raise SourceError(
            f"{error.filename or request.source}: cannot be read ({error.strerror}); check its permissions",
            public=f"A file or folder of the source cannot be read ({error.strerror}); check its permissions.",
        ) from error
    source = replace(source, link_roots=link_roots(request))
    if request.archive and request.unpacked:
        source = replace(source, archive=str(request.archive), unpacked=str(request.unpacked.resolve()))
        if not format.write_images:
            message = f"the images are unpacked into the study, which does not need {request.archive.name} any more"
            source = replace(source, messages=(*source.messages, message))
    return _checked(with_files_as_groups(source), format, request)


def check_request(files: SourceFiles, format: SourceFormat) -> None:
    """Raise ConfigError for a flag that does not apply to the format, or contradicts another one."""
    request = files.request
    named = request.columns.named
    if request.key and not format.takes("key"):
        keyed = " or ".join(keyed.name for keyed in registry.FORMATS if keyed.takes("key"))
        raise ConfigError(
            f"--key {request.key}: a source of format {format.name} has no keys; leave it out, or give --format {keyed}"
        )
    if request.label_tag and (not format.takes("label_tag") or request.key or files.labels_file or named):
        raise ConfigError(
            f"--label-tag {request.label_tag}: reads labels and patients only from DICOM files; give a folder of "
            "them, without a labels file, its columns or --key"
        )
    for kind in named:
        if kind not in format.columns and not format.takes(f"{kind}_column"):
            reason = format.no_column or f"a source of format {format.name} has no such column to name"
            raise ConfigError(f"{column_flag(kind)}: {reason}; leave it out")
    if request.patient_folder and not format.takes("patient_folder"):
        raise ConfigError(
            f"--patient-folder {request.patient_folder}: is for a folder per class (--format folder); for a "
            "table, use --patient-column"
        )
    if request.given_label and not format.takes("given_label"):
        *others, last = (option.whose for option in registry.options_for("given_label"))
        owners = f"{', '.join(others)} and {last}"
        raise ConfigError(f"--given-label {request.given_label}: is for {owners}; for a CSV, use --label-column")


def _with_tables_told(source: Source, files: SourceFiles) -> Source:
    """The source of a folder with a note on tables that lie in it and were not read."""
    tables = [path.name for path in tables_in(files.root)]
    if not tables:
        return source
    why = "was not asked for" if files.request.format else "has no labels of the images"
    message = f"{listed(tables)} lies in the folder and was not read: it {why}; --labels FILE reads a table"
    return replace(source, messages=(*source.messages, message))


def _read_remote(request: ImportRequest) -> Source:
    url = str(request.source)
    is_more = request.labels or request.key or request.label_tag or request.given_label
    if is_more or request.format not in (None, csv_table.FORMAT.name):
        raise ConfigError(
            f"{bare_url(url)}: only a CSV can be read from a URL, with --image-column and the other column options"
        )
    return without_url_credentials(read_remote_table(url, request.columns))


def _chosen_format(files: SourceFiles) -> SourceFormat:
    name = files.request.format
    if not name:
        return registry.recognised_format(files)
    if format := registry.find_format(name):
        return format
    raise ConfigError(f"--format {name}: unknown value; choose from {', '.join(registry.format_names())}")


def _checked(source: Source, format: SourceFormat, request: ImportRequest) -> Source:
    classes = request.classes
    name = Path((format.columns and source.labels_file) or source.root).name
    if not source.rows:
        raise SourceError(f"{source.labels_file or source.root}: lists no images; add a row for each image")
    source = with_one_spelling(without_answers(source, request.no_labels), [each.partition("=")[0] for each in classes])
    source = with_finding(source, request)
    _check_duplicates(source, name)
    if classes:
        source = with_classes(source, classes, name)
    counts = Counter(row.label for row in source.rows if row.label)
    if len(counts) < 2:
        found = f"only the class {next(iter(counts))!r}" if counts else "no label"
        raise ManifestError(
            f"{name}: {found} in {len(source.rows)} rows of {source.label_column!r}, such as row {source.rows[0].row} "
            f"({source.rows[0].image}); at least two classes are needed"
        )
    if not classes:
        check_are_classes(source, name)
    messages = class_doubts(source, is_given=bool(classes))
    return replace(source, messages=(*source.messages, *messages))


def _check_duplicates(source: Source, name: str) -> None:
    first: dict[str, SourceRow] = {}
    for row in source.rows:
        if row.fault or not row.label or not row.image.strip():
            continue
        earlier = first.setdefault(normal_path(row.image), row)
        if earlier.label != row.label:
            raise ManifestError(
                f"{name} rows {earlier.row} and {row.row}: one image has two labels, "
                f"{earlier.label!r} and {row.label!r}; keep one of the rows"
            )
