"""Reads a tree of DICOM files whose labels are the values of a tag, without a labels file."""

from pathlib import Path

from overread.errors import ManifestError, SourceError
from overread.images.silence import silence
from overread.records import Source, SourceRow
from overread.sources.dicom.headers import read_dataset_head, read_headers
from overread.sources.dicom.tags import MAX_LABELS, MIN_LABELS, label_tags, label_values, tag_name, tag_number
from overread.sources.folder import files_below, printable

_NUM_LOOKED_AT = 200
"""Files that are searched for other tags if the one named is no use."""
_MAX_NAMED = 8
_DIRECTORY = "DICOMDIR"
_BEFORE_PIXELS = 0x7FDFFFFF


def read_dicom_labels(root: Path, label_tag: str) -> Source:
    """A row for each DICOM file below `root`, in the order of their paths: columns `file` and the tag's name.

    label_tag: a keyword, or (gggg,eeee). A file without it gives a row without a label. Patients come from the tag
    PatientID. Other files are counted in the messages. Raises ConfigError for an unknown tag, SourceError if there is
    no DICOM file, ManifestError if the tag has fewer than two values, naming tags that could be used instead.
    """
    name = tag_name(tag_number(label_tag))
    files = [file for file in files_below(root) if file == printable(file) and Path(file).name != _DIRECTORY]
    headers = read_headers(root, files, (label_tag, "PatientID"))
    found = [header for header in headers if header.is_dicom]
    if not found:
        raise SourceError(f"{root}: it contains no DICOM files; check the folder, or give another --format")
    labels = {header.values[0] for header in found} - {""}
    if len(labels) < MIN_LABELS:
        has = "has but one value" if labels else "has a value in no file"
        raise ManifestError(f"{root}: the tag {name} {has}; {_others(root, [header.file for header in found])}")
    rows = tuple(
        SourceRow(number, header.file, header.values[0], patient=header.values[1])
        for number, header in enumerate(found, start=1)
    )
    messages = [f"the labels are the values of the tag {name}"]
    if any(row.patient for row in rows):
        messages.append("patients were taken from the tag PatientID")
    if len(files) > len(found):
        messages.append(f"{len(files) - len(found)} files are not DICOM files and were left out")
    return Source(
        root=str(root.resolve()),
        format="dicom",
        columns=("file", name),
        cells=tuple((row.image, row.label) for row in rows),
        image_column="file",
        label_column=name,
        rows=rows,
        messages=tuple(messages),
    )


def _others(root: Path, files: list[str]) -> str:
    """Which other tags could be used, judged by files from all over the tree."""
    found: list[dict[int, str]] = []
    for file in files[:: max(len(files) // _NUM_LOOKED_AT, 1)][:_NUM_LOOKED_AT]:
        try:
            dataset = read_dataset_head(root / file, None, _BEFORE_PIXELS)
            with silence():
                found.append(label_values(dataset or ()))
        except Exception:  # damaged files make pydicom raise nearly anything  # nosec B112 # the next tag
            continue
    names = label_tags(found)[:_MAX_NAMED]
    if not names:
        return "no tag has several; give a labels file, --labels FILE"
    return f"tags that have {MIN_LABELS} to {MAX_LABELS} values: {', '.join(names)}"
