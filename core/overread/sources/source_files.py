"""The files that a request leads to: the source's folder, and the file in it that may hold the labels."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from overread.errors import SourceError
from overread.sources.request import ImportRequest

TABLES = (".csv", ".tsv")
"""Suffixes of the tables that are looked for beside the images; a labels file that is named may have any."""
_SNIFFED_BYTES = 64


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """What every format recognises its sources by, and reads them from."""

    request: ImportRequest
    root: Path
    """The folder of the source; that of the file, where the source is one."""
    labels_file: Path | None
    """The file that was named, as the source or by --labels; None where a folder alone was."""

    @property
    def path(self) -> Path:
        """The source as it was named: the folder, or a file in it."""
        return Path(self.request.source)

    @property
    def is_zip(self) -> bool:
        """Whether the file that was named is an archive, as .npz files are."""
        return self._start().startswith(b"PK")

    @property
    def is_json(self) -> bool:
        """Whether the file that was named begins as a JSON file does."""
        return self._start().startswith((b"[", b"{"))

    @property
    def is_table_meant(self) -> bool:
        """Whether columns were named, no file was, and a table lies in the folder: then the columns are a table's."""
        return bool(self.request.columns.named) and self.labels_file is None and bool(tables_in(self.root))

    def only_table(self) -> Path:
        """The file that was named, or the only table in the folder. Raises SourceError where it is not the only one."""
        tables = [self.labels_file] if self.labels_file else tables_in(self.root)
        if len(tables) == 1:
            return tables[0]
        found = ", ".join(table.name for table in tables) or "none"
        raise SourceError(
            f"{self.root}: which CSV holds the labels? Name it with --labels FILE (found: {found}), or name the DICOM "
            "tag that holds them with --label-tag"
        )

    def export(self, find: Callable[[Path], Path | None], tool: str) -> Path:
        """The file that was named, or the tool's export that is found in the folder. Raises SourceError for none."""
        if found := self.labels_file or find(self.root):
            return found
        raise SourceError(f"{self.root}: no export of {tool} lies in it; name its file with --labels FILE")

    def _start(self) -> bytes:
        if self.labels_file is None:
            return b""
        with self.labels_file.open("rb") as file:
            return file.read(_SNIFFED_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()


def find_files(request: ImportRequest) -> SourceFiles:
    """The files of a request. Raises SourceError for a source, or a labels file, that is not there."""
    path = Path(request.source)
    if not path.exists():
        raise SourceError(
            f"{path}: there is no such file or folder; check the path",
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
        f"{labels}: there is no such labels file, here or in {path}; check --labels",
        public="There is no such labels file; check its path.",
    )


def tables_in(folder: Path) -> list[Path]:
    """The tables directly in a folder, hidden ones left out, sorted."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in TABLES and not path.name.startswith("."))
