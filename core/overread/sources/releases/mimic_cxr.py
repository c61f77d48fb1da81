"""Reads MIMIC-CXR-JPG: findings by study, images and splits by image, in three tables.

Source: Johnson et al. 2019, "MIMIC-CXR-JPG, a large publicly available database of labeled chest radiographs".
"""

from pathlib import Path

from overread.errors import ManifestError, SourceError
from overread.records import Source, SourceRow
from overread.sources.folder import SPLITS
from overread.sources.releases.finding_table import FindingTable, read_finding
from overread.sources.request import ImportRequest
from overread.sources.source_files import SourceFiles
from overread.sources.source_format import SourceFormat
from overread.sources.tables.table_file import read_cells, read_header

_IDS = ("subject_id", "study_id")
_LABELS = ("chexpert", "negbio")
"""The labellers whose tables are in the release; the first one's is read unless another is named."""


def read_mimic(root: Path, request: ImportRequest, labels_file: Path | None = None) -> Source:
    """A row for each image of the metadata, with the finding of its study; without one, if the study has no label.

    Patients are the subjects; the split `validate` is val. labels_file: of another labeller, or a part of the studies.
    Raises SourceError if a table of the release is missing, ManifestError for one without its columns, and what
    `read_finding` raises.
    """
    labels = labels_file or _table(root, _LABELS[0]) or _needed(root, _LABELS[1])
    header, by_study = _by_key(labels, _IDS[1], _IDS)
    findings = tuple(column for column in header if column not in _IDS)
    split_file = _table(root, "split")
    splits = _by_key(split_file, "dicom_id", ("split",))[1] if split_file else {}
    metadata = _needed(root, "metadata")
    rows, cells = [], []
    for number, image in enumerate(_by_key(metadata, "dicom_id", _IDS)[1].values(), start=2):
        dicom, subject, study = (image[key] for key in ("dicom_id", *_IDS))
        path = f"files/p{subject[:2]}/p{subject}/s{study}/{dicom}.jpg"
        split = splits.get(dicom, {}).get("split", "").lower()
        flags = by_study.get(study, {})
        rows.append(SourceRow(number, path, "", patient=subject, split=SPLITS.get(split, "val" if split else "")))
        cells.append((path, dicom, subject, study, image.get("ViewPosition", ""), split, *map(flags.get, findings)))
    columns = ("path", "dicom_id", *_IDS, "ViewPosition", "split", *findings)
    messages = [f"images and patients are those of {metadata.name}, findings those of {labels.name}"]
    messages.append(f"splits are those of {split_file.name}" if split_file else "the table of splits is missing")
    filled = [tuple(cell or "" for cell in row) for row in cells]
    table = FindingTable(labels, columns, findings, filled, rows, "path", tuple(messages))
    return read_finding(table, request, root, FORMAT.name)


def _table(root: Path, part: str) -> Path | None:
    """A table of the release, of whatever version, packed or not."""
    found = sorted(path for path in root.glob(f"mimic-cxr-*-{part}.csv*") if path.suffix in (".csv", ".gz"))
    return found[0] if found else None


def _needed(root: Path, part: str) -> Path:
    if found := _table(root, part):
        return found
    raise SourceError(f"{root}: no mimic-cxr-2.0.0-{part}.csv in it; put the release's tables beside the folder files/")


def _by_key(path: Path, key: str, needed: tuple[str, ...]) -> tuple[list[str], dict[str, dict[str, str]]]:
    """The header, and the rows by the cell that identifies them, each as its cells by column."""
    table = read_cells(path)
    if missing := [column for column in (key, *needed) if column not in table.header]:
        raise ManifestError(f"{path.name} row 1: no column {missing[0]!r}; take the file from the release")
    place = table.header.index(key)
    return table.header, {r[place].strip(): dict(zip(table.header, r, strict=True)) for _, r in table.records}


def _recognise(files: SourceFiles) -> bool:
    if _table(files.root, "metadata") is None:
        return False
    return files.labels_file is None or set(_IDS) <= set(read_header(files.labels_file))


FORMAT = SourceFormat(
    name="mimic-cxr-jpg",
    title="MIMIC-CXR-JPG",
    recognise=_recognise,
    read=lambda files: read_mimic(files.root, files.request, files.labels_file),
    precedence=32,
)
