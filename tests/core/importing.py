"""Reading and importing by single words, as the flags of `import` have them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from overread.records import Source
from overread.sources import source as source_reader
from overread.sources.request import COLUMN_KINDS, ColumnNames, ImportRequest
from overread.studies import importing
from overread.studies.importing import ImportSummary, StudyOptions


def read_source(path: Path | str, **asked: Any) -> Source:
    """asked: fields of ImportRequest, and label_column and so on for those of ColumnNames."""
    names = {f"{kind}_column" if kind != "raters" else "rater_columns": kind for kind in COLUMN_KINDS}
    columns = ColumnNames(**{kind: asked.pop(name) for name, kind in names.items() if name in asked})
    return source_reader.read_source(ImportRequest(path, columns=columns, **asked))


def import_source(
    source: Source, study_path: Path | str, *, on_progress: Callable[[int, int], None] | None = None, **options: Any
) -> ImportSummary:
    """options: fields of StudyOptions."""
    return importing.import_source(source, study_path, StudyOptions(**options), on_progress=on_progress)
