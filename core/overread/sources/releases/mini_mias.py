"""Reads mini-MIAS: mammograms, described line by line in Info.txt.

Source: Suckling et al. 1994, "The Mammographic Image Analysis Society digital mammogram database".
"""

import re
from pathlib import Path

from overread.errors import ConfigError, SourceError
from overread.records import Source, SourceRow
from overread.sources.source_files import SourceFiles
from overread.sources.source_format import LabelPlace, SourceFormat

SEVERITIES = ("normal", "benign", "malignant")
COLUMNS = ("file", "REFNUM", "BG", "CLASS", "SEVERITY")
_LINE = re.compile(r"mdb(\d{3})[a-z]{0,2}\s+([FGD])\s+(CALC|CIRC|SPIC|MISC|ARCH|ASYM|NORM)\b\s*([BM])?\b.*")
_SEVERITY = {"": "normal", "B": "benign", "M": "malignant"}
_MOST_BYTES = 2**20


def read_mias(path: Path, root: Path, label_column: str = "SEVERITY") -> Source:
    """A row for each film; of several lines of one film, the most severe one.

    label_column: SEVERITY (normal, benign, malignant), or CLASS (NORM, CALC, CIRC and so on) or BG (F, G, D). The
    patient is the pair of films, of which the left one has the odd number. Raises ConfigError for another column,
    SourceError if no line describes a film.
    """
    if label_column not in COLUMNS[2:]:
        raise ConfigError(
            f"--label-column {label_column}: {path.name} has {', '.join(COLUMNS[2:])}; choose one of these"
        )
    films: dict[str, list[tuple[str, ...]]] = {}
    for parts in _described(path):
        number, tissue, kind, severity = (part or "" for part in parts.groups())
        films.setdefault(number, []).append((tissue, kind, _SEVERITY[severity]))
    if not films:
        raise SourceError(f"{path}: no line describes a film, as mdb001 G CIRC B 535 425 197 does; check the file")
    rows: list[SourceRow] = []
    cells: list[tuple[str, ...]] = []
    for number, lines in films.items():
        tissue, kind, severity = max(lines, key=lambda line: SEVERITIES.index(line[2]))
        label = {"BG": tissue, "CLASS": kind, "SEVERITY": severity}[label_column]
        image, pair = f"mdb{number}.pgm", (int(number) + 1) // 2
        rows.append(SourceRow(len(rows) + 1, image, label, patient=f"pair {pair}"))
        cells.append((image, f"mdb{number}", tissue, kind, severity))
    messages = ["patients are the pairs of films, mdb001 and mdb002 and so on"]
    if num_mixed := sum(len({line[1:] for line in lines}) > 1 for lines in films.values()):
        messages.append(f"{num_mixed} films have lines that differ; the most severe one was taken")
    return Source(
        root=str(root.resolve()),
        format=FORMAT.name,
        columns=COLUMNS,
        cells=tuple(cells),
        image_column="file",
        label_column=label_column,
        rows=tuple(rows),
        labels_file=str(path.resolve()),
        classes=SEVERITIES if label_column == "SEVERITY" else (),
        messages=tuple(messages),
    )


def _described(path: Path) -> list[re.Match[str]]:
    text = path.read_bytes()[:_MOST_BYTES].decode("utf-8", "replace")
    return [found for line in text.splitlines() if (found := _LINE.fullmatch(line.strip()))]


def _list(files: SourceFiles) -> Path | None:
    path = files.labels_file or next((files.root / name for name in _names(files.root)), None)
    return path if path is not None and _described(path) else None


def _names(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("*.txt") if path.name.casefold() == "info.txt")


def _read(files: SourceFiles) -> Source:
    path = _list(files)
    if path is None:
        raise SourceError(f"{files.root}: no Info.txt with the films of mini-MIAS in it; check the folder")
    return read_mias(path, files.root, files.request.columns.label or "SEVERITY")


FORMAT = SourceFormat(
    name="mini-mias",
    title="mini-MIAS",
    recognise=lambda files: _list(files) is not None,
    read=_read,
    precedence=38,
    label_places=(LabelPlace(columns=("label",)),),
)
