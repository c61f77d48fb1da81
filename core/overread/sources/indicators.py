"""Tables with a column for each class or finding, whose cells say whether it is there: 1 or 0, and -1 for a doubt."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from overread.errors import ConfigError, ManifestError
from overread.sources.findings import ABSENT, PRESENT, finding_question
from overread.sources.label_classes import code_of, listed
from overread.sources.request import ImportRequest
from overread.sources.table_columns import likely_labels
from overread.sources.tables.table_cells import TableCells

UNCERTAIN = "uncertain"
_POSITIVE = ("1", "true", "yes")
_NEGATIVE = ("0", "false", "no")
_DOUBTFUL = ("-1", "uncertain")
_BLANK = "blank"
_FEW = 3
"""So many columns of 0 and 1 may tell of sex or habits, beside a column of labels."""
_MEANINGS = {"positive": PRESENT, "negative": ABSENT, "own-class": UNCERTAIN}


@dataclass(frozen=True, slots=True)
class Indicators:
    """What columns of 0 and 1 say."""

    column: str
    """The name for a column of the labels."""
    labels: list[str]
    """One a record; empty where there is none."""
    classes: tuple[str, ...]
    messages: tuple[str, ...]


def read_indicators(
    table: TableCells, request: ImportRequest, name: str, *, has_label: bool, names_images: bool
) -> Indicators | None:
    """The labels that a table's columns of 0 and 1 give; None if it has none that are meant.

    Meant are the columns that the request names, the one of its finding, and, in a table without a column of labels,
    those whose cells are 0 or 1, unless these are few and another column may hold the labels. If exactly one of them is
    1 in each row, its name is the label; else one finding must be asked for. name: of the file. names_images: as in
    `label_question`. Raises ManifestError to ask, and for a cell of a named column that says neither.
    """
    if request.label_columns:
        places = [_place(table, column, name) for column in request.label_columns]
        for place in places:
            _check(table, place, name)
    else:
        places = _candidates(table)
    if request.finding is not None:
        wanted = _bare(request.finding)
        own = [place for place in places if _bare(table.header[place]) == wanted]
        return _finding(table, own[0], request) if own else None
    if has_label or len(places) < 2:
        return None
    others = [title for title in likely_labels(table, "") if table.header.index(title) not in places]
    if others and len(places) <= _FEW and not request.label_columns:
        return None
    return _classes(table, places, request, name, names_images=names_images)


def has_indicators(table: TableCells) -> bool:
    """Whether a table has several columns of 0 and 1."""
    return len(_candidates(table)) > 1


def _place(table: TableCells, column: str, name: str) -> int:
    found = [place for place, title in enumerate(table.header) if _bare(title) == _bare(column)]
    if len(found) != 1:
        raise ManifestError(f"{name}: {len(found)} columns are called {column!r}; columns: {', '.join(table.header)}")
    return found[0]


def _check(table: TableCells, place: int, name: str) -> None:
    for number, record in table.records:
        if not _is_known(record[place]):
            raise ManifestError(
                f"{name} row {number}: {record[place]!r} in column {table.header[place]!r} is neither 0 nor 1; leave "
                "the column out of --label-columns"
            )


def _candidates(table: TableCells) -> list[int]:
    """The columns whose cells say nothing but yes, no, in doubt or nothing at all."""
    kinds = [{cell.strip().casefold() for cell in cells} for cells in zip(*(r for _, r in table.records), strict=True)]
    return [
        place
        for place, cells in enumerate(kinds)
        if table.header[place].strip() and cells - {""} and all(map(_is_known, cells))
    ]


def _is_known(cell: str) -> bool:
    return _code(cell) in ("", *_POSITIVE, *_NEGATIVE, *_DOUBTFUL)


def _code(cell: str) -> str:
    return code_of(cell.strip().casefold())


def _finding(table: TableCells, place: int, request: ImportRequest) -> Indicators:
    """One column's finding, as present or absent."""
    meanings, nothing = _meanings(request), {code_of(cell.strip().casefold()) for cell in request.no_labels}
    labels, counts = [], Counter[str]()
    for _, record in table.records:
        code = _code(record[place]) or _BLANK
        label = "" if code in nothing else meanings.get(code, "")
        labels.append(label)
        if code not in (*_POSITIVE, *_NEGATIVE):
            counts[f"{record[place].strip() or _BLANK} ({label or 'no label'})"] += 1
    title = table.header[place].strip()
    messages = [f"column {title!r} is audited, as present or absent; other findings are left out"]
    if counts:
        told = listed([f"{count} are {cell}" for cell, count in counts.most_common()])
        messages.append(f"of {title!r} {told}; --as and --no-label say what they become")
    classes = (ABSENT, PRESENT, *([UNCERTAIN] if UNCERTAIN in labels else []))
    return Indicators(f"{title}_label", labels, classes, tuple(messages))


def _meanings(request: ImportRequest) -> dict[str, str]:
    """The label of each code. Raises ConfigError for one that --as does not know."""
    meanings = {**dict.fromkeys(_POSITIVE, PRESENT), **dict.fromkeys(_NEGATIVE, ABSENT)}
    for doubt in request.doubts:
        cell, _, meaning = doubt.rpartition("=")
        if meaning.strip() not in _MEANINGS:
            raise ConfigError(f"--as {doubt}: unknown value; choose from {', '.join(_MEANINGS)}, or CELL=one of these")
        codes = (_code(cell),) if cell.strip() else _DOUBTFUL
        meanings |= dict.fromkeys(codes, _MEANINGS[meaning.strip()])
    return meanings


def _classes(
    table: TableCells, places: Sequence[int], request: ImportRequest, name: str, *, names_images: bool
) -> Indicators:
    """The column that is 1, where that is one in each row. Raises ManifestError where it is not."""
    names = [table.header[place].strip() for place in places]
    titles = list(zip(names, places, strict=True))
    found = [[title for title, place in titles if _is_positive(record[place])] for _, record in table.records]
    if any(len(some) > 1 for some in found) or (not request.label_columns and not all(found)):
        raise finding_question(
            f"{name}: {len(names)} columns tell findings, several of which may be in one image",
            Counter(title for some in found for title in some),
            names_images=names_images,
        )
    messages = [f"{name}: the label is which of the columns {listed(names)} is 1"]
    if empty := sum(not some for some in found):
        messages.append(f"{name}: in {empty} rows none of them is 1, and the label is missing")
    return Indicators("label", [some[0] if some else "" for some in found], tuple(names), tuple(messages))


def _is_positive(cell: str) -> bool:
    return _code(cell) in _POSITIVE


def _bare(column: str) -> str:
    return " ".join(column.split()).casefold()
