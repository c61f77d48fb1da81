"""The classes of a source: those that the user allows, and warnings about those that were found."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from overread.errors import ConfigError, ManifestError
from overread.records import Source

_MOST_NAMED = 10
"""How many names a message lists; the others are counted."""
_MOST_COMPARED = 1000
"""More classes than these were not typed by hand."""
_NO_ANSWERS = ("n/a", "na", "#n/a", "nan", "null", "none", "?", "-", "unknown", "missing", "tbd")
"""What people and programs write for a missing label, in lower case."""
_WHOLE = re.compile(r"(0|-?[1-9][0-9]*)(?:\.0*)?")
_RARE = 5
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


def with_one_spelling(source: Source) -> Source:
    """The source with one class for each number that it writes in several ways: 0, 0.0."""
    counts = Counter(row.label for row in source.rows if row.label)
    by_code: dict[str, list[str]] = defaultdict(list)
    for label in counts:
        by_code[code_of(label)].append(label)
    several = {code: labels for code, labels in by_code.items() if len(labels) > 1}
    if not several:
        return source
    spelling = {label: code for code, labels in several.items() for label in labels}
    rows = tuple(
        replace(
            row,
            label=spelling.get(row.label, row.label),
            raters=tuple(spelling.get(vote, vote) for vote in row.raters),
        )
        for row in source.rows
    )
    messages = [
        f"{' and '.join(f'{label!r} ({counts[label]} rows)' for label in labels)} are one class, {code!r}"
        for code, labels in several.items()
    ]
    return replace(source, rows=rows, messages=(*source.messages, *messages))


def code_of(label: str) -> str:
    """A label that is a whole number as it is written shortest (0.0 as 0); any other label unchanged."""
    match = _WHOLE.fullmatch(label.strip())
    return match[1] if match else label


def class_doubts(source: Source, *, is_given: bool) -> list[str]:
    """Warnings about possible typos, codes among names, and labels of a wrong column. is_given: the user named them."""
    counts = Counter(row.label for row in source.rows if row.label)
    messages = _strange_votes(source, set(source.classes or counts))
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


def _of_another_kind(source: Source, counts: Counter[str]) -> list[str]:
    messages = []
    num_rows = counts.total()
    if len(counts) > max(num_rows / 2, _MOST_NAMED):
        messages.append(f"{len(counts)} classes in {num_rows} rows: does {source.label_column!r} hold the labels?")
    codes = sorted(label for label in counts if label.isdigit())
    names = sorted(label for label in counts if not any(character.isdigit() for character in label))
    if codes and names:
        messages.append(
            f"some labels are numbers ({listed(codes)}) and some are names ({listed(names)}); if a number stands for "
            f"a name, pass --classes {codes[0]}=NAME,..."
        )
    return messages


def _of_one_name(counts: Counter[str]) -> list[str]:
    """Classes that differ only in capitals, spaces, dashes or underscores."""
    by_name = defaultdict(list)
    for label in counts:
        by_name[re.sub(r"[\s_-]+", "", label).casefold()].append(label)
    return [
        f"{', '.join(f'{label!r} ({counts[label]} rows)' for label in labels)} are classes of their own; "
        "if they are one, fix the rows or pass --classes"
        for labels in by_name.values()
        if len(labels) > 1 and not any(character.isdigit() for label in labels for character in label)
    ]


def _no_answers(counts: Counter[str]) -> list[str]:
    return [
        f"class {label!r} ({number} rows) may stand for a missing label; if it does, empty these cells"
        for label, number in counts.items()
        if label.casefold() in _NO_ANSWERS
    ]


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
