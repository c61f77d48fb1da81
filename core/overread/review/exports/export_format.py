"""What an export format declares: what it writes, and what its users should know."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from overread.review.chain import LedgerRow
from overread.review.cleaned_csv import Origin
from overread.review.reviewed import ReviewedSample


@dataclass(frozen=True, slots=True)
class ExportContent:
    """What all exports of a study are written from."""

    study_name: str
    classes: Sequence[str]
    """The study's, and after them those that verdicts alone name."""
    samples: Sequence[ReviewedSample]
    table: pd.DataFrame
    """The cleaned table; see `cleaned_csv.cleaned_table`."""
    own_columns: tuple[str, ...]
    """Of the table, those that are not the source's own."""
    added: tuple[str, ...]
    """The same columns by the names that they have where the source has none of that name."""
    image_column: str
    label_column: str
    origin: Origin
    locate: Callable[[str], Path | None]
    """Where the image that a sample's cell names lies; None where it is no file of its own."""
    spreadsheet_safe: bool = False
    """Whether the source's own cells are made harmless for spreadsheets, in a format that does so."""
    history: Callable[[], list[LedgerRow]] = list
    """Every row of the ledger, in sequence."""
    key: bytes = b""
    """The study's secret for pseudonyms."""
    manifest: Callable[[], dict[str, Any]] = dict
    """What the export was made of and by, as JSON has it."""


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A format; `export_registry.FORMATS` lists them all."""

    name: str
    """As --format has it."""
    title: str
    """The tool that reads it, as the Export page names it."""
    write: Callable[[ExportContent, Path], None]
    """Writes into the file, or the folder, of this path. Raises ConfigError for what the format cannot hold."""
    files: Callable[[Path], list[Path]] = lambda out: [out]
    """All that is written where `out` is given."""
    suffix: str = ""
    """Of the file; empty where a folder is written."""
    explanation: str = ""
    """What is written, for the Export page, in which `{classes}` stands for the numbered classes; empty where the page
    does not offer the format."""
    has_codes: bool = False
    """Whether its labels are the numbers of the classes."""
    names_readers: bool = False
    needs_run: bool = False
    """Whether it needs the scores of a finished run."""
    is_spreadsheet: bool = False
    """Whether `spreadsheet_safe` has a meaning."""

    @property
    def is_folder(self) -> bool:
        return not self.suffix

    @property
    def is_one_file(self) -> bool:
        return not self.is_folder and len(self.files(Path("out"))) == 1
