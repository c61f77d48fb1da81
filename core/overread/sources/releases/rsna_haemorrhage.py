"""Reads RSNA's intracranial haemorrhage: a row for each image and subtype, ID_000012eaf_subdural.

Source: Flanders et al. 2020, "Construction of a Machine Learning Dataset through Collaboration: The RSNA 2019 Brain CT
Hemorrhage Challenge".
"""

from pathlib import Path

from overread.records import Source, SourceRow
from overread.sources.releases.finding_table import FindingTable, read_finding
from overread.sources.request import ImportRequest
from overread.sources.source_files import SourceFiles, tables_in
from overread.sources.source_format import SourceFormat
from overread.sources.tables.table_file import read_cells, read_header

_HEADER = ["ID", "Label"]
_SUBTYPES = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural", "any")


def read_haemorrhage(path: Path, root: Path, request: ImportRequest) -> Source:
    """A row for each image, with its finding. Rows that are repeated, as in the first stage's table, are read once.

    Raises what `read_finding` raises.
    """
    found: dict[str, dict[str, str]] = {}
    for _, (name, flag) in read_cells(path).records:
        image, _, subtype = name.strip().rpartition("_")
        if subtype in _SUBTYPES:
            found.setdefault(image, {})[subtype] = flag
    rows = [SourceRow(number, image, "") for number, image in enumerate(found, start=1)]
    cells = [(image, *(flags.get(subtype, "") for subtype in _SUBTYPES)) for image, flags in found.items()]
    table = FindingTable(path, ("image", *_SUBTYPES), _SUBTYPES, cells, rows, "image")
    return read_finding(table, request, root, FORMAT.name)


def _is_table(path: Path) -> bool:
    """Whether a table has a row for each subtype of its first image, and labels that are not a sample's 0.5."""
    if read_header(path) != _HEADER:
        return False
    first = read_cells(path).records[: len(_SUBTYPES)]
    return {name.rpartition("_")[2] for _, (name, _) in first} == set(_SUBTYPES) and all(
        flag.strip() in ("0", "1") for _, (_, flag) in first
    )


def _table(files: SourceFiles) -> Path | None:
    paths = [files.labels_file] if files.labels_file else tables_in(files.root)
    return next(filter(_is_table, paths), None)


FORMAT = SourceFormat(
    name="rsna-haemorrhage",
    title="RSNA intracranial haemorrhage",
    recognise=lambda files: _table(files) is not None,
    read=lambda files: read_haemorrhage(_table(files) or files.only_table(), files.root, files.request),
    precedence=36,
    has_patient_tags=True,
)
