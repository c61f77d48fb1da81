"""A release whose tables, once joined, have a column for each finding: 1, 0, -1 or blank."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from overread.errors import ConfigError
from overread.records import Source, SourceRow
from overread.sources.columns import free_name
from overread.sources.findings import finding_question
from overread.sources.folder import files_below
from overread.sources.found_images import ImageIndex
from overread.sources.indicators import read_indicators
from overread.sources.label_classes import code_of, listed
from overread.sources.request import ImportRequest
from overread.sources.tables.table_cells import TableCells


@dataclass(frozen=True, slots=True)
class FindingTable:
    """The joined tables of a release."""

    path: Path
    """The file that has the findings."""
    columns: tuple[str, ...]
    findings: tuple[str, ...]
    """Those of the columns that are findings."""
    cells: Sequence[tuple[str, ...]]
    rows: Sequence[SourceRow]
    """One for each row of `cells`, without its label."""
    image_column: str
    messages: tuple[str, ...] = ()


def read_finding(table: FindingTable, request: ImportRequest, root: Path, format: str) -> Source:
    """The table's rows with the request's finding as their label, present or absent.

    Raises ManifestError if the request names no finding, to ask for one, and ConfigError if there is no such finding.
    """
    if request.finding is None:
        raise finding_question(
            f"{table.path.name}: {len(table.findings)} columns tell findings, several of which may be in one image",
            _counts(table),
            names_images=_names_images(table, root),
        )
    if request.finding.strip().casefold() not in (finding.casefold() for finding in table.findings):
        raise ConfigError(
            f"--finding {request.finding}: {table.path.name} has no such column; choose from {listed(table.findings)}"
        )
    records = [(row.row, list(cells)) for row, cells in zip(table.rows, table.cells, strict=True)]
    asked = replace(request, label_columns=table.findings)
    labelled_table = TableCells(list(table.columns), records)
    indicators = read_indicators(labelled_table, asked, table.path.name, has_label=True, names_images=True)
    assert indicators is not None  # it is for a finding that is one of the columns
    column = free_name(indicators.column, table.columns)
    labelled = list(zip(table.rows, table.cells, indicators.labels, strict=True))
    return Source(
        root=str(root.resolve()),
        format=format,
        columns=(*table.columns, column),
        cells=tuple((*cells, label) for _, cells, label in labelled),
        image_column=table.image_column,
        label_column=column,
        rows=tuple(replace(row, label=label) for row, _, label in labelled),
        labels_file=str(table.path.resolve()),
        classes=indicators.classes,
        messages=(*table.messages, *indicators.messages),
    )


def _names_images(table: FindingTable, root: Path) -> bool:
    index = ImageIndex.of(files_below(root))
    return any(index.candidates(row.image) for row in table.rows)


def _counts(table: FindingTable) -> Counter[str]:
    """The number of images with each finding."""
    counts = Counter[str]()
    for finding in table.findings:
        place = table.columns.index(finding)
        pairs = zip(table.rows, table.cells, strict=True)
        counts[finding] = len({row.image for row, cells in pairs if code_of(cells[place].strip()) == "1"})
    return counts
