"""Reads VinDr-CXR as PhysioNet has it: findings by image and reader in train, by image in test.

Source: Nguyen et al. 2022, "VinDr-CXR: An open dataset of chest X-rays with radiologist's annotations".
"""

from pathlib import Path

from overread.errors import SourceError
from overread.records import Source, SourceRow
from overread.sources.releases.finding_table import FindingTable, read_finding
from overread.sources.request import ImportRequest
from overread.sources.source_format import SourceFormat
from overread.sources.tables.table_file import read_cells, read_header

_IMAGE, _READER = "image_id", "rad_id"
_SPLITS = ("train", "test")


def read_vindr(root: Path, request: ImportRequest, labels_file: Path | None = None) -> Source:
    """A row for each image and reader. labels_file: of one split only.

    Raises SourceError if there is no table of the release, and what `read_finding` raises.
    """
    paths = [labels_file] if labels_file else _tables(root)
    if not paths:
        raise SourceError(f"{root}: no image_labels_train.csv in it or in its folder annotations; check the folder")
    tables = [(read_cells(path), _split(path)) for path in paths]
    titles = dict.fromkeys(title for table, _ in tables for title in table.header)
    findings = tuple(title for title in titles if title.strip() and title not in (_IMAGE, _READER))
    rows: list[SourceRow] = []
    cells: list[tuple[str, ...]] = []
    for table, split in tables:
        for _, record in table.records:
            own = dict(zip(table.header, record, strict=True))
            image = f"{split}/{own[_IMAGE].strip()}.dicom"
            rows.append(SourceRow(len(rows) + 1, image, "", split=split, reader=own.get(_READER, "").strip()))
            cells.append((image, own[_IMAGE], own.get(_READER, ""), *(own.get(finding, "") for finding in findings)))
    columns = ("file", _IMAGE, _READER, *findings)
    return read_finding(FindingTable(paths[0], columns, findings, cells, rows, "file"), request, root, FORMAT.name)


def _tables(root: Path) -> list[Path]:
    """The tables of the splits, of which one may be missing."""
    places = [folder / f"image_labels_{split}.csv" for split in _SPLITS for folder in (root / "annotations", root)]
    return [path for path in places if _is_table(path)]


def _is_table(path: Path) -> bool:
    return path.is_file() and {_IMAGE, "No finding"} <= set(read_header(path))


def _split(path: Path) -> str:
    return "test" if "test" in path.stem else "train"


FORMAT = SourceFormat(
    name="vindr-cxr",
    title="VinDr-CXR of PhysioNet",
    recognise=lambda files: _is_table(files.labels_file) if files.labels_file else bool(_tables(files.root)),
    read=lambda files: read_vindr(files.root, files.request, files.labels_file),
    precedence=34,
    has_patient_tags=True,
)
