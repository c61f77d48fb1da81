"""Images with several findings: one of them is audited, as present or absent.

A cell may hold several labels (`A|B`, `A;B`, `['a', 'b']`), and an image may have several rows: of one reader, who
marked several findings in it, or of several readers, whose votes become rater columns.
"""

import ast
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from overread.errors import ConfigError, ManifestError
from overread.records import Question, Source, SourceRow
from overread.sources.columns import free_name
from overread.sources.found_images import is_file
from overread.sources.image_paths import normal_path
from overread.sources.label_classes import listed
from overread.sources.request import ImportRequest

PRESENT, ABSENT = "present", "absent"
_SEPARATORS = ("|", ";")
_WEAK_SEPARATORS = (",", "/", "+", "&", " and ", " ")
"""What joins labels in a cell only if each of them is also given alone."""
_MOST_NAMED = 8
_FEW = 0.05
"""The share of images with contradicting rows up to which these are mistakes, and not several findings."""
_ASKED = "Which finding is to be audited, as present or absent?"
LATER = "To audit several findings, make a study for each"


def with_finding(source: Source, request: ImportRequest) -> Source:
    """The source with one label an image: the request's finding as present or absent, if a finding is asked for.

    Rows of several readers become rater columns, and the label is what most readers say. Raises ManifestError if
    images have several labels and no finding is asked for, and ConfigError for a finding that no image has.
    """
    several_in = {cell: names for cell, names in _labels_in_cells(source).items() if cell not in request.classes}
    labels = [several_in.get(row.label, (row.label,) if row.label else ()) for row in source.rows]
    images = [normal_path(row.image) for row in source.rows]
    readers = _readers(source, images)
    if request.finding is not None and source.classes[:2] != (ABSENT, PRESENT):
        return _audited(source, labels, images, readers, request.finding)
    several = _num_several(source.rows, labels, images)
    if several:
        raise _question(source, labels, images, several)
    if readers:
        return _voted(source, [names[0] if names else "" for names in labels], images, readers)
    return _unwrapped(source, labels)


def _labels_in_cells(source: Source) -> dict[str, tuple[str, ...]]:
    """The names in each cell that holds several labels, or a list of them.

    A cell is split only if its parts also occur elsewhere, alone or in another combination: a class may be called
    `either; or`. At a weaker sign, such as a comma, it is split only if each part is also a label alone.
    """
    cells = {row.label for row in source.rows if row.label}
    split = {cell: names for cell in cells if (names := _split(cell)) is not None}
    where: dict[str, set[str]] = defaultdict(set)
    for cell in cells:
        for name in split.get(cell, (cell,)):
            where[name].add(cell)
    is_list = any(cell.startswith("[") for cell in split)
    if is_list or any(len(where[name]) > 1 for names in split.values() if len(names) > 1 for name in names):
        return split
    return {cell: names for cell in cells if (names := _joined(cell, cells))} if source.labels_file else {}


def _joined(cell: str, cells: Collection[str]) -> tuple[str, ...]:
    """The labels that a cell joins by a weak separator, all of which are cells alone; empty if it is one label."""
    for separator in _WEAK_SEPARATORS:
        names = dict.fromkeys(name.strip() for name in cell.split(separator) if name.strip())
        if len(names) > 1 and all(name in cells for name in names):
            return tuple(names)
    return ()


def _split(cell: str) -> tuple[str, ...] | None:
    """The names in a cell that may hold several; None if it looks like a single label."""
    if cell.startswith("[") and cell.endswith("]"):
        try:
            names = ast.literal_eval(cell)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            names = None
        if isinstance(names, list):
            return tuple(dict.fromkeys(str(name).strip() for name in names if str(name).strip()))
    for separator in _SEPARATORS:
        if separator in cell:
            return tuple(dict.fromkeys(name.strip() for name in cell.split(separator) if name.strip()))
    return None


def _readers(source: Source, images: Sequence[str]) -> list[str]:
    """The readers, sorted, if an image has rows of several; none if each is read once."""
    of_image: dict[str, set[str]] = defaultdict(set)
    for row, image in zip(source.rows, images, strict=True):
        of_image[image].add(row.reader)
    if all(len(names) < 2 for names in of_image.values()):
        return []
    return sorted({row.reader for row in source.rows if row.reader})


def _num_several(rows: Sequence[SourceRow], labels: Sequence[tuple[str, ...]], images: Sequence[str]) -> int:
    """How many images have several labels in one cell, or in several rows of one reader.

    Where only few images have such rows, they are taken for mistakes, of which `source` tells.
    """
    in_cell = {image for image, names in zip(images, labels, strict=True) if len(names) > 1}
    said: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row, image, names in zip(rows, images, labels, strict=True):
        if not row.fault:
            said[image, row.reader].update(names)
    in_rows = {image for (image, _), names in said.items() if len(names) > 1}
    return len(in_cell | in_rows) if in_cell or len(in_rows) > max(_FEW * len(said), 1) else 0


def _question(source: Source, labels: Sequence[tuple[str, ...]], images: Sequence[str], several: int) -> ManifestError:
    of_image: dict[str, set[str]] = defaultdict(set)
    for image, names in zip(images, labels, strict=True):
        of_image[image].update(names)
    return finding_question(
        f"{_name(source)}: {several} of {len(of_image)} images have several labels in {source.label_column!r}",
        Counter(name for names in of_image.values() for name in names),
        names_images=any(is_file(Path(source.root), image) for image in images),
    )


def finding_question(found: str, counts: Counter[str], *, names_images: bool) -> ManifestError:
    """The error that asks which finding to audit. found: what was found; counts: of images by finding; names_images:
    as in `label_question`."""
    names = [f"{name} ({count})" for name, count in counts.most_common(_MOST_NAMED)]
    more = f" and {len(counts) - _MOST_NAMED} more" if len(counts) > _MOST_NAMED else ""
    first = next((name for name, _ in counts.most_common() if not is_normal(name)), "NAME")
    return ManifestError(
        f"{found}. Which one is to be audited, as present or absent? Give --finding {_quoted(first)}, or another of: "
        f"{', '.join(names)}{more}. {LATER}",
        public=f"The images have several labels each. {_ASKED} {LATER}.",
        question=Question("finding", _ASKED, tuple(counts.most_common()) if names_images else ()),
    )


def is_normal(name: str) -> bool:
    """Whether a label says that nothing was found."""
    return name.casefold() in ("no finding", "no findings", "normal", "none", "negative", "healthy")


def _quoted(name: str) -> str:
    return f'"{name}"' if " " in name else name


@dataclass(frozen=True, slots=True)
class _Votes:
    """What was said of an image."""

    label: str
    raters: tuple[str, ...]


def _audited(
    source: Source, labels: list[tuple[str, ...]], images: list[str], readers: list[str], finding: str
) -> Source:
    counts = Counter(name for names in labels for name in names)
    name = next((name for name in counts if name.casefold() == finding.strip().casefold()), None)
    if name is None:
        names = [name for name, _ in counts.most_common()]
        raise ConfigError(
            f"--finding {finding}: {_name(source)} has no such label in {source.label_column!r}; choose from "
            f"{listed(names)}"
        )
    by_image: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row, image, found in zip(source.rows, images, labels, strict=True):
        by_image[image][row.reader].update(found)
    votes = {}
    for image, said in by_image.items():
        presence = {reader: PRESENT if name in found else ABSENT for reader, found in said.items() if found}
        votes[image] = _majority(presence, readers)
    message = f"{name!r} is audited, as present or absent; other findings are left out"
    return _with_votes(replace(source, classes=(ABSENT, PRESENT)), images, votes, readers, f"{name}_label", message)


def _voted(source: Source, labels: list[str], images: list[str], readers: list[str]) -> Source:
    """The source with what most readers say as the label. labels: one a row, empty where there is none."""
    by_image: dict[str, dict[str, str]] = defaultdict(dict)
    for row, image, label in zip(source.rows, images, labels, strict=True):
        if label and by_image[image].setdefault(row.reader, label) != label:
            raise _question(source, [(label,) if label else () for label in labels], images, 1)
    votes = {image: _majority(by_image[image], readers) for image in images}
    return _with_votes(source, images, votes, readers, f"{source.label_column}_majority", "")


def _majority(said: dict[str, str], readers: Sequence[str]) -> _Votes:
    """said: label by reader. Of a tie, the label that is said first."""
    counts = Counter(label for label in said.values() if label)
    label = counts.most_common(1)[0][0] if counts else ""
    return _Votes(label, tuple(said.get(reader, "") for reader in readers))


def _with_votes(
    source: Source, images: Sequence[str], votes: dict[str, _Votes], readers: Sequence[str], column: str, message: str
) -> Source:
    """The source with a label for each image in an added column, and its readers' labels as those of raters."""
    messages = [message] if message else []
    if readers:
        messages.append(f"{len(readers)} readers became rater columns; the label is what most of them say")
    column = free_name(column, source.columns)
    rows = tuple(
        replace(row, label=votes[image].label, raters=votes[image].raters if readers else row.raters)
        for row, image in zip(source.rows, images, strict=True)
    )
    return replace(
        source,
        columns=(*source.columns, column),
        cells=tuple((*cells, row.label) for cells, row in zip(source.cells, rows, strict=True)),
        label_column=column,
        rows=rows,
        rater_names=tuple(f"rater_{reader or 'unnamed'}" for reader in readers) if readers else source.rater_names,
        written_labels={},
        messages=(*source.messages, *messages),
    )


def _unwrapped(source: Source, labels: Iterable[tuple[str, ...]]) -> Source:
    """The source with lists of one label as that label."""
    rows: list[SourceRow] = []
    written = dict(source.written_labels)
    for row, names in zip(source.rows, labels, strict=True):
        label = names[0] if names else ""
        if label != row.label:
            written[label] = row.label
        rows.append(replace(row, label=label))
    return replace(source, rows=tuple(rows), written_labels=written)


def _name(source: Source) -> str:
    return Path(source.labels_file or source.root).name
