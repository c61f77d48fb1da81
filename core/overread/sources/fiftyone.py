"""Reads FiftyOne's exports: FiftyOneImageClassificationDataset (labels.json) and FiftyOneDataset (samples.json).

Source: FiftyOne's documentation, "Exporting datasets", and its exporters.
"""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from overread.errors import ManifestError
from overread.records import Source, SourceRow
from overread.sources.annotation_files import label_text
from overread.sources.columns import column_names, free_name, named_column, optional_columns
from overread.sources.folder import SPLITS, files_below, printable
from overread.sources.image_search import find_below, search_fault
from overread.sources.json_table import read_json, text_entry
from overread.sources.request import NO_COLUMNS, ColumnNames, column_flag
from overread.sources.source_files import SourceFiles
from overread.sources.source_format import LabelPlace, SourceFormat

_START = re.compile(rb'(\xef\xbb\xbf)?\s*\{\s*("labels"\s*:\s*\{|"samples"\s*:\s*\[|(?P<classes>"classes"\s*:))')
_SNIFFED_BYTES = 256
_GROUND_TRUTH = "ground_truth"


def is_fiftyone(path: Path) -> bool:
    """Whether the file begins like one of the two exports; if classes come first, whether it has labels too."""
    with path.open("rb") as file:
        start = _START.match(file.read(_SNIFFED_BYTES))
    if start is None or not start["classes"]:
        return start is not None
    try:
        content = read_json(path)
    except ManifestError:
        return False
    return isinstance(content, dict) and isinstance(content.get("labels"), dict)


def find_fiftyone(root: Path) -> Path | None:
    """The labels file of an export in this folder."""
    found = (root / "samples.json", root / "labels.json")
    return next((path for path in found if path.is_file() and is_fiftyone(path)), None)


def read_fiftyone(path: Path, root: Path, columns: ColumnNames = NO_COLUMNS) -> Source:
    """A row for each label of labels.json, or for each sample of samples.json; several labels are a JSON list.

    labels.json gives the path of an image without its suffix, relative to the folder data/ beside it, or else to
    `root`; a data.json beside it maps these to files. samples.json has paths relative to `root`; for any other path,
    its longest end that is a file below `root` is used. columns: fields of the samples; the label's is ground_truth
    unless it is named. A tag train, val or test is the split. Fields whose names begin with _ are FiftyOne's own.
    Raises ManifestError for a file that is not an export, and for a missing field.
    """
    content = read_json(path)
    if isinstance(content, dict) and isinstance(content.get("samples"), list):
        return _read_samples(path, root, content["samples"], columns)
    if not isinstance(content, dict) or not isinstance(content.get("labels"), dict):
        raise ManifestError(f"{path.name}: has neither samples nor labels as FiftyOne exports them; export it again")
    if columns.named:
        flag = column_flag(columns.named[0])
        raise ManifestError(f"{path.name}: has one label for each image and no fields; leave out {flag}")
    return _read_labels(path, root, content)


def _read_labels(path: Path, root: Path, content: dict[str, Any]) -> Source:
    classes = content.get("classes") or []
    if not isinstance(classes, list):
        raise ManifestError(f"{path.name}: its classes are not a list; export the dataset again")
    classes = [str(name) for name in classes]
    files = _files(path, root)
    rows, cells, written = [], [], {}
    for number, (uuid, target) in enumerate(content["labels"].items(), start=1):
        codes, fault = _labels(target), ""
        names = [_class_name(path, number, code, classes) for code in codes]
        if len(codes) == 1 and names != codes:
            written[names[0].strip()] = codes[0]
        found = files.get(str(PurePosixPath(uuid.replace("\\", "/"))), [])
        image = found[0] if len(found) == 1 else find_below(root, uuid)
        if len(found) > 1:
            fault = f"{len(found)} files have this name, apart from their suffixes"
        rows.append(SourceRow(number, image, label_text(names), fault=fault))
        label = target if len(codes) > 1 else "".join(codes)
        entry = text_entry({"uuid": uuid, "label": label, "file": image}, f"{path.name} label {number}")
        cells.append(tuple(entry.values()))
    present = {row.label for row in rows}
    return Source(
        root=str(root.resolve()),
        format="fiftyone",
        columns=("uuid", "label", "file"),
        cells=tuple(cells),
        image_column="file",
        label_column="label",
        rows=tuple(rows),
        labels_file=str(path.resolve()),
        written_labels={name: code for name, code in written.items() if name != code},
        classes=tuple(dict.fromkeys(name.strip() for name in classes if name.strip() in present)),
    )


def _class_name(path: Path, number: int, code: str, classes: Sequence[str]) -> str:
    """The class that a label is, if it is an index into the classes; else the label itself."""
    if not (code.isdigit() and classes):
        return code
    if int(code) >= len(classes):
        raise ManifestError(f"{path.name} label {number}: {code} is not an index into its {len(classes)} classes")
    return classes[int(code)]


def _files(path: Path, root: Path) -> dict[str, list[str]]:
    """The images by their names in labels.json: paths without suffixes."""
    manifest = path.parent / "data.json"
    if manifest.is_file():
        paths = read_json(manifest)
        if not isinstance(paths, dict) or not all(isinstance(value, str) for value in paths.values()):
            raise ManifestError(f"{manifest.name}: does not give the path of every image; export the dataset again")
        return {_without_suffix(uuid): [find_below(root, str(path.parent / file))] for uuid, file in paths.items()}
    data, place = path.parent / "data", root.resolve()
    folder = data.resolve() if data.is_dir() and data.resolve().is_relative_to(place) else place
    found: dict[str, list[str]] = {}
    for name in files_below(folder):
        file = (folder / name).relative_to(place).as_posix()
        found.setdefault(_without_suffix(name), []).append(printable(file))
    return found


def _without_suffix(path: str) -> str:
    return str(PurePosixPath(path.replace("\\", "/")).with_suffix("")) if path.strip("./\\") else path


def _labels(target: Any) -> list[str]:
    """The labels in a value of a label field. Numbers are text here."""
    if isinstance(target, dict):
        target = target.get("classifications", target.get("label"))
    parts = target if isinstance(target, list) else [target]
    labels = [part.get("label") if isinstance(part, dict) else part for part in parts]
    return [str(label) for label in labels if isinstance(label, str | bool)]


def _read_samples(path: Path, root: Path, samples: list[Any], columns: ColumnNames) -> Source:
    if not all(isinstance(sample, dict) and isinstance(sample.get("filepath"), str) for sample in samples):
        raise ManifestError(f"{path.name}: not every sample has a filepath; export the dataset again")
    fields = [field for field in column_names(samples) if not field.startswith("_")]
    label_field = _label_field(path, samples, fields, columns.label)
    places = optional_columns(fields, columns, path)
    raters = [named_column(fields, name, "raters", path) for name in columns.raters]
    exported = [
        field
        for field in fields
        if field in ("filepath", "tags", label_field, *places.values(), *raters)
        or any(isinstance(sample.get(field), str) for sample in samples)
    ]
    rows, cells = [], []
    for number, sample in enumerate(samples, start=1):
        optional = {kind: label_text(_labels(sample.get(field))) for kind, field in places.items()}
        split = optional.pop("split").lower() if "split" in optional else _split(sample.get("tags"))
        votes = tuple(label_text(_labels(sample.get(field))) for field in raters)
        file = find_below(root, sample["filepath"])
        label, fault = label_text(_labels(sample.get(label_field))), search_fault(file)
        rows.append(SourceRow(number, file, label, **optional, split=split, raters=votes, fault=fault))
        plain = {field: _plain(sample.get(field)) for field in exported}
        entry = text_entry({**plain, free_name("file", exported): file}, f"{path.name} sample {number}")
        cells.append(tuple(entry.values()))
    return Source(
        root=str(root.resolve()),
        format="fiftyone",
        columns=(*exported, free_name("file", exported)),
        cells=tuple(cells),
        image_column=free_name("file", exported),
        label_column=label_field,
        rows=tuple(rows),
        labels_file=str(path.resolve()),
        rater_names=tuple(f"rater_{field.removeprefix('rater_')}" for field in raters),
        messages=(f"the labels are those of field {label_field!r}",),
    )


def _label_field(path: Path, samples: list[dict[str, Any]], fields: Sequence[str], named: str | None) -> str:
    if named is not None:
        return named_column(fields, named, "label", path)
    if _GROUND_TRUTH in fields:
        return _GROUND_TRUTH
    found = [field for field in fields if any(_is_classification(sample.get(field)) for sample in samples)]
    if len(found) == 1:
        return found[0]
    raise ManifestError(
        f"{path.name}: there is no field {_GROUND_TRUTH!r}; set --label-column to one of: {', '.join(found or fields)}"
    )


def _is_classification(value: Any) -> bool:
    return isinstance(value, dict) and value.get("_cls") in ("Classification", "Classifications")


def _plain(value: Any) -> Any:
    """The class of a label, or several as a list; anything else unchanged."""
    if not _is_classification(value):
        return value
    labels = _labels(value)
    return labels if len(labels) > 1 else "".join(labels)


def _split(tags: Any) -> str:
    """The split that the tags name; empty if they name none, or several."""
    splits = {SPLITS[tag.lower()] for tag in tags or () if isinstance(tag, str) and tag.lower() in SPLITS}
    return splits.pop() if len(splits) == 1 else ""


def _recognise(files: SourceFiles) -> bool:
    if files.labels_file is not None:
        return files.is_json and is_fiftyone(files.labels_file)
    return not files.is_table_meant and find_fiftyone(files.root) is not None


FORMAT = SourceFormat(
    name="fiftyone",
    title="FiftyOne export",
    recognise=_recognise,
    read=lambda files: read_fiftyone(files.export(find_fiftyone, "FiftyOne"), files.root, files.request.columns),
    precedence=40,
    label_places=(LabelPlace(columns=("label", "patient", "slide", "split", "raters")),),
)
