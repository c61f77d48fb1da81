"""Reads COVIDx: a list for each split, without a header, of patient, file, class and origin apart by blanks.

Source: Wang et al. 2020, "COVID-Net: a tailored deep convolutional neural network design for detection of COVID-19
cases from chest X-ray images".
"""

import re
from pathlib import Path

from overread.errors import SourceError
from overread.records import Source, SourceRow
from overread.sources.folder import SPLITS
from overread.sources.source_files import SourceFiles
from overread.sources.source_format import SourceFormat

COLUMNS = ("file", "patient_id", "filename", "class", "data_source")
_LIST = re.compile(r"(train|val|test)(_.*)?\.txt", re.IGNORECASE)
_LINE = re.compile(r"(\S+) (\S.*\.(?:png|jpe?g)) (\S+) (\S+)", re.IGNORECASE)
_NUM_LOOKED_AT = 5


def read_covidx(root: Path, labels_file: Path | None = None) -> Source:
    """A row for each line of the lists; the split is the list's. labels_file: a single list.

    Raises SourceError if a line has not the four parts.
    """
    rows: list[SourceRow] = []
    cells: list[tuple[str, ...]] = []
    paths = [labels_file] if labels_file else _lists(root)
    for path in paths:
        named = _LIST.fullmatch(path.name)
        split = SPLITS[named[1].lower()] if named else ""
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if not line.strip():
                continue
            if not (parts := _LINE.fullmatch(line.strip())):
                raise SourceError(
                    f"{path} line {number}: is not patient, file, class and origin apart by blanks, as in COVIDx; "
                    "fix the line"
                )
            patient, name, label, origin = parts.groups()
            image = f"{split}/{name}" if (root / split / name).is_file() else name
            rows.append(SourceRow(len(rows) + 1, image, label, patient=patient, split=split))
            cells.append((image, patient, name, label, origin))
    return Source(
        root=str(root.resolve()),
        format=FORMAT.name,
        columns=COLUMNS,
        cells=tuple(cells),
        image_column="file",
        label_column="class",
        rows=tuple(rows),
        labels_file=str(paths[0].resolve()) if paths else "",
        messages=(f"labels, patients and splits are those of {', '.join(path.name for path in paths)}",),
    )


def is_list(path: Path) -> bool:
    """Whether the first lines of a file are patient, file, class and origin."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        lines = [file.readline(4096).decode("utf-8", "replace").strip() for _ in range(_NUM_LOOKED_AT)]
    return bool(lines[0]) and all(_LINE.fullmatch(line) for line in filter(None, lines))


def _lists(root: Path) -> list[Path]:
    return sorted(path for path in root.glob("*.txt") if _LIST.fullmatch(path.name) and is_list(path))


def _recognise(files: SourceFiles) -> bool:
    if files.request.columns.named:
        return False
    return is_list(files.labels_file) if files.labels_file else bool(_lists(files.root))


FORMAT = SourceFormat(
    name="covidx",
    title="COVIDx",
    recognise=_recognise,
    read=lambda files: read_covidx(files.root, files.labels_file),
    precedence=37,
)
