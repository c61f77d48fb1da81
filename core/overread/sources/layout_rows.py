"""What a public dataset's layout tells of each row besides its cells: the patient, the split, the name of the class."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from overread.errors import ManifestError, SourceError
from overread.records import Source, SourceRow
from overread.sources.label_classes import code_of
from overread.sources.layouts import Companion, Layout
from overread.sources.tables.table_file import read_cells

_NUM_BYTES = 2**26
"""The most that is read of a list of images."""


def with_layout(source: Source, layout: Layout, table: Path, classes: Sequence[str] = ()) -> Source:
    """The source of a table of this layout, with what is known of its rows besides their cells.

    table: its file, or the first of several. classes: as the user gave them; if they are codes, codes are not named.

    Patients are what the layout's pattern finds in the column of patients, else in the paths of the images, or those of
    the companion table. Splits are those of the lists of images beside the table. Codes become classes, if all labels
    are codes. What a row knows already is kept, but for patients in whose cells the pattern is found.
    """
    folder = table.parent
    messages = [f"{table.name}: was read as the table of {layout.name}"]
    rows = source.rows
    if layout.patient_pattern:
        rows = tuple(_with_patient(row, re.compile(layout.patient_pattern)) for row in rows)
    if layout.companion and (patients := _patients(folder, layout.companion)):
        rows = tuple(replace(row, patient=row.patient or patients.get(_name(row.image), "")) for row in rows)
        messages.append(f"patients are the column {layout.companion.patient!r} of {layout.companion.file}")
    if splits := _listed_splits(folder, layout.split_lists):
        rows = tuple(replace(row, split=row.split or splits.get(_name(row.image), "")) for row in rows)
        messages.append("splits are those of " + " and ".join(file for file, _ in layout.split_lists))
    source = replace(source, rows=rows, messages=(*source.messages, *messages))
    is_coded = layout.codes and source.label_column.strip().casefold() == layout.label
    is_named = any(part.partition("=")[0].strip().isdigit() for part in classes)
    return _with_names(source, layout.codes) if is_coded and not is_named else source


def _with_patient(row: SourceRow, pattern: re.Pattern[str]) -> SourceRow:
    found = pattern.search(row.patient or row.image.replace("\\", "/"))
    return replace(row, patient=found[1]) if found else row


def _with_names(source: Source, names: tuple[str, ...]) -> Source:
    """The source with its codes named, if it has no other labels."""
    meanings = {str(code): name for code, name in enumerate(names)}
    written = {row.label: code_of(row.label) for row in source.rows if row.label}
    if not set(written.values()) <= meanings.keys():
        return source
    rows = tuple(replace(row, label=meanings[written[row.label]] if row.label else "") for row in source.rows)
    told = ", ".join(f"{code} is {name!r}" for code, name in meanings.items())
    return replace(
        source,
        rows=rows,
        classes=names,
        written_labels={**source.written_labels, **{meanings[code]: label for label, code in written.items()}},
        messages=(*source.messages, f"of the labels, {told}"),
    )


def _patients(folder: Path, companion: Companion) -> Mapping[str, str]:
    """The patients by the names of their images; empty if there is no such table."""
    path = folder / companion.file
    try:
        table = read_cells(path) if path.is_file() else None
    except (ManifestError, SourceError):
        return {}
    if table is None or not {companion.image, companion.patient} <= set(table.header):
        return {}
    image, patient = table.header.index(companion.image), table.header.index(companion.patient)
    return {_name(record[image]): record[patient].strip() for _, record in table.records}


def _listed_splits(folder: Path, lists: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The splits by the names of their images; empty if there are no such lists."""
    splits: dict[str, str] = {}
    for file, split in lists:
        path = folder / file
        if path.is_file() and path.stat().st_size <= _NUM_BYTES:
            splits |= dict.fromkeys(map(_name, path.read_text(encoding="utf-8", errors="replace").splitlines()), split)
    return splits


def _name(image: str) -> str:
    """The name of an image's file without folders and suffix."""
    return Path(image.strip().replace("\\", "/")).stem
