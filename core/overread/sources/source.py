"""Reads a source: recognises its format, hands it to that format's reader and checks what all have in common."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from overread.errors import ConfigError, ManifestError, SourceError
from overread.images.credentials import bare_url
from overread.images.remote import is_remote
from overread.records import Source
from overread.sources.arrays.cifar import is_cifar, read_cifar
from overread.sources.arrays.medmnist import is_medmnist, read_medmnist
from overread.sources.arrays.medmnist_release import with_class_names
from overread.sources.chaoyang import is_chaoyang, read_chaoyang
from overread.sources.csv_table import has_obvious_columns, read_table
from overread.sources.dicom.frames import with_files_as_groups, with_frames
from overread.sources.dicom.keyed_tree import is_release, read_dicom_tree
from overread.sources.dicom.patients import with_patients
from overread.sources.dicom.tag_labels import read_dicom_labels
from overread.sources.fiftyone import find_fiftyone, is_fiftyone, read_fiftyone
from overread.sources.folder import class_folders, read_folder
from overread.sources.image_paths import normal_path
from overread.sources.kermany import is_kermany, read_kermany
from overread.sources.label_classes import class_doubts, with_classes
from overread.sources.label_studio import is_label_studio, read_label_studio
from overread.sources.remote_table import read_remote_table
from overread.sources.secret_urls import without_url_credentials

FORMATS = ("folder", "csv", "chaoyang", "kermany", "dicom", "cifar", "medmnist", "fiftyone", "label-studio")
_NO_COLUMN = {"csv": (), "dicom": (), "fiftyone": ("image_column",), "label-studio": ("rater_columns",)}
"""The formats with columns to name, and those that none can be named for."""


def read_source(
    path: Path | str,
    *,
    format: str | None = None,
    labels: Path | str | None = None,
    image_column: str | None = None,
    label_column: str | None = None,
    patient_column: str | None = None,
    slide_column: str | None = None,
    split_column: str | None = None,
    rater_columns: Sequence[str] = (),
    given_label: str | None = None,
    key: str | None = None,
    label_tag: str | None = None,
    frames: str = "middle",
    classes: Sequence[str] | None = None,
) -> Source:
    """Everything a source says of its images, before any of them is opened.

    path: a folder (one per class, Chaoyang's release, CIFAR's batches, an export of FiftyOne or Label Studio, or
        one with a labels file), a labels file itself, or MedMNIST's .npz file.
    labels: a labels file, as seen from here or from `path`; the images in it are relative to `path`.
    label_column: of CIFAR-100, coarse_labels or fine_labels.
    given_label: of Chaoyang, the label to audit: label, or a pathologist's label_A, label_B or label_C; of CIFAR-N,
        whose file is then `labels`, aggre_label, worse_label, random_label1 and so on.
    key: of a tree of DICOM files, the tag by which the labels file names them, or name; see dicom_tree.
    label_tag: of a tree of DICOM files without a labels file, the tag that holds the labels; see dicom_labels.
    frames: of DICOM files with several: middle, or all of them, each a sample; see frames.
    classes: the only labels allowed, in their order, each NAME or CODE=NAME; without it, every label is a class.
    Raises SourceError, ManifestError or ConfigError, each with one line that says what to mend.
    """
    columns = {
        "image_column": image_column,
        "label_column": label_column,
        "patient_column": patient_column,
        "slide_column": slide_column,
        "split_column": split_column,
        "rater_columns": tuple(rater_columns),
    }
    if is_remote(str(path)):
        if labels or key or label_tag or given_label or format not in (None, "csv"):
            raise ConfigError(
                f"{bare_url(str(path))}: of what is behind a URL a CSV is read, with --image-column and its kin alone"
            )
        source = without_url_credentials(read_remote_table(str(path), **columns))
        return _checked(source, tuple(classes) if classes else None)
    path = Path(path)
    try:
        source = without_url_credentials(_read(path, format, labels, columns, given_label, key, label_tag))
        if source.format in ("folder", "csv") and not patient_column:
            source = with_patients(source)
        source = with_frames(source, frames)
    except OSError as error:
        raise SourceError(
            f"{error.filename or path}: cannot be read ({error.strerror}); check its rights",
            public=f"A file or folder of the source cannot be read ({error.strerror}); check its rights.",
        ) from error
    if source.format == "medmnist" and not classes:
        source = with_class_names(source)
    return _checked(with_files_as_groups(source), tuple(classes) if classes else None)


def _read(
    path: Path,
    format: str | None,
    labels: Path | str | None,
    columns: dict[str, Any],
    given_label: str | None,
    key: str | None,
    label_tag: str | None,
) -> Source:
    if not path.exists():
        raise SourceError(
            f"{path}: there is no such file or folder; check the path",
            public="There is no such file or folder; check the path.",
        )
    named = {key: f"--{key.removesuffix('s').replace('_', '-')}" for key, value in columns.items() if value}
    labels_path = _labels_path(path, labels)
    root = path if path.is_dir() else path.parent
    is_asked = format is not None
    if (key or label_tag) and format is None:
        format = "dicom"
    if format is None and not _named_beside_label(columns) and is_cifar(path):
        format = "cifar"
    format = format or _recognise(root, labels_path, is_table_asked=bool(named))
    if format not in FORMATS:
        raise ConfigError(f"--format {format}: is not known; give one of {', '.join(FORMATS)}")
    if key and format != "dicom":
        raise ConfigError(f"--key {key}: a source of format {format} has no keys; leave it out, or give --format dicom")
    if label_tag and (format != "dicom" or key or labels_path or named):
        raise ConfigError(
            f"--label-tag {label_tag}: takes labels and patients from DICOM files alone; give a folder of these, and "
            "neither a labels file, nor its columns, nor --key"
        )
    if format == "cifar":
        if others := _named_beside_label(columns):
            raise ConfigError(f"{others[0]}: CIFAR's batches have no columns to name but --label-column; leave it out")
        human = None if labels is None else labels_path
        return read_cifar(root, label_key=columns["label_column"], labels=human, given_label=given_label)
    for column, flag in named.items():
        if column in _NO_COLUMN.get(format, columns):
            raise ConfigError(f"{flag}: a source of format {format} has no such column to name; leave it out")
    if given_label and format != "chaoyang":
        raise ConfigError(f"--given-label {given_label}: is for Chaoyang and CIFAR-N; a CSV has --label-column")
    if format == "csv":
        source = read_table(labels_path or _only_table(root), root, **columns)
        return source if is_asked or named or labels_path or not class_folders(root) else _with_choice(source)
    if label_tag:
        return read_dicom_labels(root, label_tag)
    if format == "dicom":
        return read_dicom_tree(labels_path or _only_table(root), root, key=key, **columns)
    if format in ("fiftyone", "label-studio"):
        columns = {name: value for name, value in columns.items() if name not in _NO_COLUMN[format]}
        if format == "fiftyone":
            return read_fiftyone(labels_path or _only_export(find_fiftyone(root), root, "FiftyOne"), root, **columns)
        export = labels_path or _only_export(_label_studio_export(root), root, "Label Studio")
        return read_label_studio(export, root, **columns)
    if format == "chaoyang":
        return read_chaoyang(root, given_label=given_label or "label")
    if format == "medmnist":
        if labels_path is None or not is_medmnist(labels_path):
            raise SourceError(
                f"{labels_path or path}: is neither a CSV nor a whole .npz file of MedMNIST; save a spreadsheet as CSV"
            )
        return read_medmnist(labels_path)
    if labels_path is not None:
        raise SourceError(
            f"{labels_path}: --format {format} takes the labels from the folders' names; name a folder only"
        )
    source = read_folder(root)
    return read_kermany(source) if format == "kermany" or (not is_asked and is_kermany(source)) else source


def _named_beside_label(columns: dict[str, Any]) -> list[str]:
    named = (column for column, value in columns.items() if value and column != "label_column")
    return [f"--{column.removesuffix('s').replace('_', '-')}" for column in named]


def _with_choice(source: Source) -> Source:
    name = Path(source.labels_file).name
    message = f"the labels are those of {name}, not the names of the folders beside it; those are --format folder"
    return replace(source, messages=(message, *source.messages))


def _labels_path(path: Path, labels: Path | str | None) -> Path | None:
    if labels is None:
        return path if path.is_file() else None
    for candidate in (Path(labels), path / labels):
        if candidate.is_file():
            return candidate
    raise SourceError(
        f"{labels}: there is no such labels file, here or in {path}; check --labels",
        public="There is no such labels file; check its path.",
    )


def _recognise(root: Path, labels_path: Path | None, *, is_table_asked: bool) -> str:
    if labels_path is not None:
        with labels_path.open("rb") as file:
            start = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
        if start.startswith(b"PK"):  # a zip
            return "medmnist"
        if not start.startswith((b"[", b"{")):
            return _kind_of_table(labels_path)
        if is_fiftyone(labels_path):
            return "fiftyone"
        if is_label_studio(labels_path):
            return "label-studio"
        if is_chaoyang(root):
            return "chaoyang"
        raise SourceError(
            f"{labels_path}: JSON is read as FiftyOne and Label Studio export it, and in Chaoyang's layout (train.json "
            "beside train/); give one of these, or a CSV"
        )
    tables = _tables(root)
    if is_table_asked and tables:
        return _kind_of_table(tables[0]) if len(tables) == 1 else "csv"
    if is_chaoyang(root) and not is_table_asked:
        return "chaoyang"
    if find_fiftyone(root):
        return "fiftyone"
    if _label_studio_export(root):
        return "label-studio"
    if is_table_asked:
        return "csv"
    if any(map(is_release, tables)):
        return "dicom"
    if len(tables) == 1 and has_obvious_columns(tables[0]):
        return "csv"
    return "csv" if tables and not class_folders(root) else "folder"


def _label_studio_export(root: Path) -> Path | None:
    files = sorted(path for path in root.iterdir() if path.suffix.lower() == ".json" and path.is_file())
    found = [path for path in files if is_label_studio(path)]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise SourceError(f"{root}: which of Label Studio's exports? Name it with --labels FILE (found: {names})")
    return found[0] if found else None


def _only_export(found: Path | None, root: Path, tool: str) -> Path:
    if found is None:
        raise SourceError(f"{root}: no export of {tool} lies in it; name its file with --labels FILE")
    return found


def _kind_of_table(path: Path) -> str:
    return "dicom" if is_release(path) else "csv"


def _only_table(root: Path) -> Path:
    tables = _tables(root)
    if len(tables) == 1:
        return tables[0]
    found = ", ".join(table.name for table in tables) or "none"
    raise SourceError(
        f"{root}: which CSV holds the labels? Name it with --labels FILE (found: {found}), or name the DICOM tag that "
        "holds them with --label-tag"
    )


def _tables(root: Path) -> list[Path]:
    suffixes = (".csv", ".tsv")
    return sorted(path for path in root.iterdir() if path.suffix.lower() in suffixes and not path.name.startswith("."))


def _checked(source: Source, classes: tuple[str, ...] | None) -> Source:
    name = Path((source.format in _NO_COLUMN and source.labels_file) or source.root).name
    if not source.rows:
        raise SourceError(f"{source.labels_file or source.root}: lists no images; add a row for each image")
    _check_duplicates(source, name)
    counts = Counter(row.label for row in source.rows if row.label)
    if classes is not None:
        source = with_classes(source, classes, name)
        counts = Counter(row.label for row in source.rows if row.label)
    if len(counts) < 2:
        found = f"only the class {next(iter(counts))!r}" if counts else "no label"
        raise ManifestError(f"{name}: {found} in {len(source.rows)} rows; at least two classes are needed")
    messages = class_doubts(source, is_given=classes is not None)
    return replace(source, messages=(*source.messages, *messages))


def _check_duplicates(source: Source, name: str) -> None:
    first = {}
    for row in source.rows:
        if not row.label or not row.image.strip():
            continue
        earlier = first.setdefault(normal_path(row.image), row)
        if earlier.label != row.label:
            raise ManifestError(
                f"{name} rows {earlier.row} and {row.row}: one image has two labels, "
                f"{earlier.label!r} and {row.label!r}; keep one of the rows"
            )
