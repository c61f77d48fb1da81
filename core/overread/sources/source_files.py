"""The files of a source: its folder, and the labels file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from overread.errors import SourceError
from overread.sources.request import ImportRequest
from overread.sources.tables.delimited import is_list_of_images
from overread.sources.tables.json_records import is_json, is_json_lines, is_json_table
from overread.sources.tables.workbook import is_spreadsheet

TABLES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".xlsx", ".xlsm", ".xls", ".ods", ".jsonl", ".ndjson", ".parquet")
"""Ends of the names of tables that are found beside images; a labels file that is named may have any name."""
_LIST = ".txt"
"""What the name of a list of images ends in; so do those of many texts that are none."""
_SNIFFED_BYTES = 64


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """What formats recognise and read a source by."""

    request: ImportRequest
    root: Path
    """The source's folder; if the source is a file, the folder that contains it."""
    labels_file: Path | None
    """The file that was named, as the source or by --labels; None if only a folder was."""

    @property
    def path(self) -> Path:
        """The source as it was named: a folder or a file."""
        return Path(self.request.source)

    @property
    def is_zip(self) -> bool:
        """Whether the named file is a zip archive, as .npz files are, and no spreadsheet, which is one too."""
        return self._start().startswith(b"PK") and not (self.labels_file and is_spreadsheet(self.labels_file))

    @property
    def is_json(self) -> bool:
        """Whether the named file begins like JSON, and is not a table of JSON lines."""
        return is_json(self._start()) and not (self.labels_file and is_json_lines(self.labels_file))

    @property
    def is_table(self) -> bool:
        """Whether a file is named that is a table: no zip archive, and no JSON but that of a list or a map."""
        if self.labels_file is None or self.is_zip:
            return False
        return not self.is_json or is_json_table(self.labels_file)

    @property
    def is_table_meant(self) -> bool:
        """Whether columns were named, but no file, and the folder holds a table: then the columns are that table's."""
        return bool(self.request.columns.named) and self.labels_file is None and bool(tables_in(self.root))

    def only_table(self) -> Path:
        """The named file, or the only table in the folder. Raises SourceError if there is none, or more than one."""
        tables = [self.labels_file] if self.labels_file else tables_in(self.root)
        if len(tables) == 1:
            return tables[0]
        found = ", ".join(table.name for table in tables) or "none"
        raise SourceError(
            f"{self.root}: which CSV contains the labels? Specify it with --labels FILE (found: {found}), or name the "
            "DICOM tag that holds them with --label-tag"
        )

    def export(self, find: Callable[[Path], Path | None], tool: str) -> Path:
        """The named file, or the tool's export that `find` finds in the folder. Raises SourceError if there is none."""
        if found := self.labels_file or find(self.root):
            return found
        raise SourceError(f"{self.root}: no {tool} export found in it; give the file with --labels FILE")

    def _start(self) -> bytes:
        if self.labels_file is None:
            return b""
        with self.labels_file.open("rb") as file:
            return file.read(_SNIFFED_BYTES)


def find_files(request: ImportRequest) -> SourceFiles:
    """The files of a request. Raises SourceError if the source or the labels file does not exist."""
    path = Path(request.source)
    if not path.exists():
        raise SourceError(
            f"{path}: no such file or folder; check the path",
            public="There is no such file or folder; check the path.",
        )
    return SourceFiles(request, path if path.is_dir() else path.parent, _labels_file(path, request.labels))


def _labels_file(path: Path, labels: Path | str | None) -> Path | None:
    if labels is None:
        return path if path.is_file() else None
    for candidate in (Path(labels), path / labels):
        if candidate.is_file():
            return candidate
    raise SourceError(
        f"{labels}: no such labels file, here or in {path}; check --labels",
        public="There is no such labels file; check its path.",
    )


def tables_in(folder: Path) -> list[Path]:
    """The tables directly in a folder, except hidden ones, sorted; of texts, only those that list images."""
    return sorted(path for path in folder.iterdir() if _is_table(path))


def _is_table(path: Path) -> bool:
    name = path.name.lower()
    if name.startswith(".") or not path.is_file():
        return False
    return name.endswith(TABLES) or (name.endswith(_LIST) and is_list_of_images(path))
