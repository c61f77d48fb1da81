"""The classes of a source: those that the user allows, and warnings about those that were found."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from overread.errors import ConfigError, ManifestError
from overread.records import Source

_MOST_NAMED = 10
"""How many names a message lists; the others are counted."""
_MOST_COMPARED = 1000
"""More classes than these were not typed by hand."""
_MISSING = frozenset(("n/a", "#n/a", "<na>", "nan", "null", "unlabeled", "unlabelled"))
"""What programs write for a missing label, in lower case. A label never reads so."""
_NO_ANSWERS = ("na", "none", "?", "-", "unknown", "missing", "tbd")
"""What people write for a missing label, in lower case; it may be a class too."""
_WHOLE = re.compile(r"(0|-?[1-9][0-9]*)(?:\.0*)?")
_UNLABELLED = "-1"
"""The code that programs write for an image without a label."""
_MEASUREMENT = re.compile(r"-?\d*[.,]\d+(?:[eE][-+]?\d+)?")
_FEW_LABELS = 5
"""Fewer labels of a split may all be of one class by chance."""
_MOST_NUMBERS = 20
"""More classes that are numbers with gaps between them may be ages or scores."""
_RARE = 3
"""A class is rare compared with another that has this many times its rows."""


def with_classes(source: Source, classes: Sequence[str], name: str) -> Source:
    """The source with these classes only, in their order.

    classes: each is a label as the source writes it, or CODE=NAME: the source writes CODE, and NAME is the class.
    name: of the source, for messages. Raises ConfigError for fewer than two classes or a duplicate, ManifestError for
    a label that is none of them.
    """
    labels = {row.label for row in source.rows}
    spellings = {code_of(label): label for label in sorted(labels)}
    meanings: dict[str, str] = {}
    coded: dict[str, str] = {}
    names: list[str] = []
    for part in classes:
        code, mark, meaning = (text.strip() for text in part.partition("="))
        if part in labels or not (mark and code and meaning):
            names.append(part)
            if part not in labels and code_of(part) in spellings:
                meanings[code_of(part)], coded[part] = part, spellings[code_of(part)]
        else:
            meanings[code_of(code)] = meaning
            coded[meaning] = spellings.get(code_of(code), code)
            names.append(meaning)
    if len(set(names)) < 2 or len(set(names)) < len(names):
        raise ConfigError(f"--classes {','.join(classes)}: give at least two different classes")
    rows = []
    for row in source.rows:
        label = meanings.get(code_of(row.label), row.label)
        if label and label not in names:
            is_code = label.isdigit() and not any(part.isdigit() for part in names)
            mend = f"say what the code means, --classes {label}=NAME,..., or " if is_code else ""
            raise ManifestError(
                f"{name} row {row.row}: label {label!r} is not one of {listed(names)}; "
                f"{mend}fix the row or pass --classes"
            )
        rows.append(replace(row, label=label, raters=tuple(meanings.get(code_of(vote), vote) for vote in row.raters)))
    written = {**source.written_labels, **coded}
    return replace(source, rows=tuple(rows), classes=tuple(names), written_labels=written)


def without_answers(source: Source, cells: Sequence[str]) -> Source:
    """The source without the labels that the user says are none. cells: as the source writes them."""
    codes = {code_of(cell.strip()) for cell in cells}
    rows = tuple(
        replace(
            row,
            label="" if code_of(row.label) in codes else row.label,
            raters=tuple("" if code_of(vote) in codes else vote for vote in row.raters),
        )
        for row in source.rows
    )
    num_empty = sum(old.label != new.label for old, new in zip(source.rows, rows, strict=True))
    if not num_empty:
        return source
    message = f"{num_empty} labels ({listed(sorted(codes))}) say that there is none"
    return replace(source, rows=rows, messages=(*source.messages, message))


def with_one_spelling(source: Source, classes: Sequence[str] = ()) -> Source:
    """The source with one class for each label that it writes in several ways, and without those that say `missing`.

    The spellings of a number (0, 0.0) are one class, and so are those of a name of two letters or more that differ in
    capitals, blanks between words or the composition of accents; the commonest is kept. classes: as the user gave them:
    these stay as they are.
    """
    counts = Counter(row.label for row in source.rows if row.label)
    by_name: dict[str, list[str]] = defaultdict(list)
    missing = []
    for label, _ in counts.most_common():
        if label in classes:
            continue
        if label.casefold() in _MISSING:
            missing.append(label)
        else:
            code = " ".join(unicodedata.normalize("NFC", code_of(label)).split())
            by_name[code.casefold() if len(code) > 1 else code].append(label)
    several = {_spelling(labels): labels for labels in by_name.values() if len(labels) > 1}
    if not several and not missing:
        return source
    meanings = {label: name for name, labels in several.items() for label in labels} | dict.fromkeys(missing, "")
    rows = tuple(
        replace(
            row,
            label=meanings.get(row.label, row.label),
            raters=tuple(meanings.get(vote, vote) for vote in row.raters),
        )
        for row in source.rows
    )
    messages = [f"{' and '.join(_counted(labels, counts))} are one class, {name!r}" for name, labels in several.items()]
    if missing:
        messages.append(f"the label is missing where it is {' or '.join(_counted(missing, counts))}")
    return replace(source, rows=rows, messages=(*source.messages, *messages))


def _spelling(labels: Sequence[str]) -> str:
    """The name of a class that is written in several ways, the commonest first."""
    codes = {code_of(label) for label in labels}
    return codes.pop() if len(codes) == 1 else labels[0]


def _counted(labels: Sequence[str], counts: Counter[str]) -> list[str]:
    return [f"{label!r} ({counts[label]} rows)" for label in labels]


def code_of(label: str) -> str:
    """A label that is a whole number as it is written shortest (0.0 as 0); any other label unchanged."""
    match = _WHOLE.fullmatch(label.strip())
    return match[1] if match else label


def check_are_classes(source: Source, name: str) -> None:
    """Raise ManifestError for labels that are measurements, or a text for each image, and for a code that may say that
    there is none. name: of the source."""
    counts = Counter(row.label for row in source.rows if row.label)
    if counts[_UNLABELLED] and len(counts) > 2 and all(label.isdigit() for label in counts if label != _UNLABELLED):
        raise ManifestError(
            f"{name}: {counts[_UNLABELLED]} labels are {_UNLABELLED}, beside other codes; if it says that there is no "
            f"label, give --no-label {_UNLABELLED}, else name the classes, --classes {_UNLABELLED}=NAME,..."
        )
    if len(counts) <= _MOST_NAMED:
        return
    where = f"{name}: {len(counts)} different labels in {counts.total()} rows of {source.label_column!r}"
    shown = listed(list(counts)[:3])
    mend = "name the column of the classes with --label-column, or write the class of each image in one"
    if sum(bool(_MEASUREMENT.fullmatch(label)) and code_of(label) == label for label in counts) > len(counts) / 2:
        raise ManifestError(f"{where} are numbers such as {shown}, and no classes; {mend}")
    if len(counts) > counts.total() / 2:
        raise ManifestError(f"{where}, such as {shown}: hardly any is given twice, so they are no classes; {mend}")


def class_doubts(source: Source, *, is_given: bool) -> list[str]:
    """Warnings about possible typos, codes among names, and labels of a wrong column. is_given: the user named them."""
    counts = Counter(row.label for row in source.rows if row.label)
    messages = [*_strange_votes(source, set(source.classes or counts)), *_splits_of_one_class(source)]
    if is_given:
        return messages
    return [*messages, *_of_one_name(counts), *_no_answers(counts), *_alike(counts), *_of_another_kind(source, counts)]


def listed(names: Sequence[str]) -> str:
    """The names, separated by commas; of very many, the first ones and the number of others."""
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _strange_votes(source: Source, classes: set[str]) -> list[str]:
    messages = []
    for place, rater in enumerate(source.rater_names):
        strange = sorted({row.raters[place] for row in source.rows} - classes - {""})
        if strange:
            messages.append(f"{rater} gives labels that are not classes: {listed(strange)}")
    return messages


def _splits_of_one_class(source: Source) -> list[str]:
    """A split whose labels are all the same may hold none: competitions fill in a label for images to be predicted."""
    by_split: dict[str, Counter[str]] = defaultdict(Counter)
    for row in source.rows:
        by_split[row.split][row.label] += bool(row.label)
    several = any(len(+counts) > 1 for counts in by_split.values())
    return [
        f"all {counts.total()} labels of the split {split} are {max(counts)!r}: are they labels?"
        for split, counts in by_split.items()
        if several and split and len(+counts) == 1 and counts.total() >= _FEW_LABELS
    ]


def _of_another_kind(source: Source, counts: Counter[str]) -> list[str]:
    messages = []
    num_rows = counts.total()
    if len(counts) > _MOST_NUMBERS and all(re.fullmatch(r"\d+", label) for label in counts) and _has_gaps(counts):
        messages.append(
            f"{len(counts)} classes, all of them numbers, in {num_rows} rows: does {source.label_column!r} hold the "
            "labels, or a measurement?"
        )
    codes = sorted(label for label in counts if label.isdigit())
    names = sorted(label for label in counts if not any(character.isdigit() for character in label))
    if codes and names:
        messages.append(
            f"some labels are numbers ({listed(codes)}) and some are names ({listed(names)}); if a number stands for "
            f"a name, pass --classes {codes[0]}=NAME,..."
        )
    return messages


def _has_gaps(counts: Counter[str]) -> bool:
    numbers = {int(label) for label in counts}
    return max(numbers) - min(numbers) >= len(numbers)


def _of_one_name(counts: Counter[str]) -> list[str]:
    """Classes that differ only in capitals, spaces, dashes or underscores."""
    by_name = defaultdict(list)
    for label in counts:
        by_name[re.sub(r"[\s_-]+", "", label).casefold()].append(label)
    return [
        f"{', '.join(_counted(labels, counts))} are classes of their own; "
        "if they are one, fix the rows or pass --classes"
        for labels in by_name.values()
        if len(labels) > 1 and not any(character.isdigit() for label in labels for character in label)
    ]


def _no_answers(counts: Counter[str]) -> list[str]:
    return [
        f"class {label!r} ({number} rows) may stand for a missing label; if it does, give --no-label "
        f"{_in_quotes(label)}"
        for label, number in counts.items()
        if label.casefold() in _NO_ANSWERS
    ]


def _in_quotes(label: str) -> str:
    return label if re.fullmatch(r"[\w/-]+", label) else f'"{label}"'


def _alike(counts: Counter[str]) -> list[str]:
    """A rare class whose name is at most two edits from that of another: perhaps a typo."""
    messages: list[str] = []
    if len(counts) > _MOST_COMPARED:
        return messages
    common_counts = [(common, number) for common, number in counts.most_common() if number >= _RARE]
    for rare, count in counts.items():
        for common, number in common_counts:
            if count * _RARE > number:
                break
            edits = _num_edits(rare, common)
            # Where every character differs (0 and 1, A and B) the names are short, not alike.
            if edits <= 2 and edits < min(len(rare), len(common)):
                messages.append(
                    f"class {rare!r} ({count} rows) is spelt much like {common!r} ({number} rows); "
                    "if this is a typo, fix the rows or pass --classes"
                )
                break
    return messages


def _num_edits(left: str, right: str) -> int:
    """Levenshtein distance; above 2 it need not be exact."""
    if abs(len(left) - len(right)) > 2:
        return 3
    previous = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        current = [i]
        for j, b in enumerate(right, start=1):
            current.append(min(previous[j] + 1, current[-1] + 1, previous[j - 1] + (a != b)))
        previous = current
    return previous[-1]
