"""Which folder of the images' paths is the class, and which are the split, the fold and the patient."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from overread.errors import SourceError
from overread.records import Question
from overread.sources.folder_names import (
    FOLD,
    PART,
    PATIENT,
    SPLIT,
    are_numbered,
    are_of_storage,
    are_readers,
    copies_of,
    group_kind,
    is_class_word,
    split_of,
    unsorted_among,
)
from overread.sources.label_classes import listed

_SHOWN = 4
_MOST_OFFERED = 10


@dataclass(frozen=True, slots=True)
class Levels:
    """Which folder of a path says what, counted from 0 at the source; None where none does."""

    label: int
    split: int | None = None
    fold: int | None = None
    patient: int | None = None
    place: int | None = None
    """Folders that hold the same classes."""


class FolderTree:
    """The folders of files, by their depth."""

    def __init__(self, files: Iterable[str]) -> None:
        """files: POSIX paths from the source."""
        self._sizes = Counter(tuple(file.split("/")[:-1]) for file in files)

    def names(self, depth: int) -> list[str]:
        """The names of all folders at a depth, counted from 0, sorted."""
        return sorted({path[depth] for path in self._sizes if len(path) > depth})

    def inner(self, depth: int, level: int) -> dict[str, set[str]]:
        """For each name at a depth the names of the folders at a deeper level that are below it."""
        found: dict[str, set[str]] = defaultdict(set)
        for path in self._sizes:
            if len(path) > depth:
                found[path[depth]].update(path[level : level + 1])
        return found

    def deep(self, depth: int) -> list[str]:
        """The names at a depth, sorted, of folders that hold more files in folders of their own than directly."""
        directly: Counter[str] = Counter()
        below: Counter[str] = Counter()
        for path, size in self._sizes.items():
            if len(path) > depth:
                (below if len(path) > depth + 1 else directly)[path[depth]] += size
        return sorted(name for name in below if below[name] > directly[name])

    def num_files(self, depth: int) -> int:
        """The number of files below folders at a depth."""
        return sum(size for path, size in self._sizes.items() if len(path) > depth)


def find_levels(tree: FolderTree, root: Path, remedy: str) -> Levels:
    """The levels of the class, split, fold and patient.

    Single folders around the others are gone through, and so are levels whose folders are all named as splits, folds,
    parts, patients or studies, or all hold the same folders. remedy: what the user can do if there are no classes.
    Raises SourceError if no level is left, or several could be the classes.
    """
    depth, place = 0, None
    while names := tree.names(depth):
        kind = group_kind(names)
        if not kind and len(names) > 1:
            if are_readers(names):
                raise SourceError(
                    f"{root}: the folders {listed(names)} are named for readers, who may have sorted one image into "
                    "several classes; give one of them as the source, or a table with --labels FILE"
                )
            _check_mixture(tree, names, depth, root)
            label = _label_level(tree, names, depth, root)
            if label == depth:
                _check_classes(names, depth, root)
                return with_other_levels(tree, Levels(label, place=place))
            depth, place = label, depth if place is None else place
        elif tree.deep(depth):
            if kind in (SPLIT, FOLD, PART):
                _check_inner(tree, names, depth, root)
            depth += 1
        elif len(names) > 1:
            shown = f"{', '.join(names[:_SHOWN])}{' ...' if len(names) > _SHOWN else ''}"
            raise SourceError(
                f"{root}: the folders {shown} are named as {kind} and not as classes, and no folders in them are "
                f"classes; {remedy}, or, if they are the classes, give --label-folder {depth + 1}"
            )
        else:
            raise SourceError(
                f"{root}: {names[0]} is the only folder with images; for classes, at least two are needed: {remedy}"
            )
    raise SourceError(f"{root}: no folder per class in it; {remedy}")


def with_other_levels(tree: FolderTree, levels: Levels) -> Levels:
    """The levels with those besides the class whose folders are named as splits, folds or patients."""
    depth = 0
    while names := tree.names(depth):
        kind = group_kind(names) if depth not in (levels.label, levels.patient) else ""
        if kind == SPLIT and levels.split is None:
            levels = replace(levels, split=depth)
        elif kind == FOLD and levels.fold is None:
            levels = replace(levels, fold=depth)
        elif kind == PATIENT and levels.patient is None:
            levels = replace(levels, patient=depth)
        depth += 1
    return levels


def _label_level(tree: FolderTree, names: list[str], depth: int, root: Path) -> int:
    """The level of the classes: that of the names, or a deeper one if they all hold the same folders there."""
    deep = tree.deep(depth)
    has_class_words = any(map(is_class_word, names))
    level, is_sure = depth + 1, len(deep) == len(names)
    while deep:
        found = tree.inner(depth, level)
        inner = [found[name] for name in deep]
        union = set().union(*inner)
        if not union:
            break
        is_same = is_sure and len(union) > 1 and all(folders == union for folders in inner)
        is_numbered = are_numbered(union)
        if group_kind(union) == PATIENT or (is_numbered and (has_class_words or not is_same)):
            level, is_sure = level + 1, False
        elif len(union) == 1 or are_of_storage(union):
            level += 1
        elif is_same and not has_class_words and not is_numbered:
            return level
        else:
            raise _question(tree, (depth, level), root)
    return depth


def _question(tree: FolderTree, levels: tuple[int, ...], root: Path) -> SourceError:
    first, level = levels
    levels = (first,)
    while names := tree.names(level):
        if len(names) > 1:
            levels += (level,)
        level += 1
    answers = [f"--label-folder {level + 1} for {listed(tree.names(level)[:_MOST_OFFERED])}" for level in levels]
    return SourceError(
        f"{root}: which folder of the paths is the class? give {'; or '.join(answers)}",
        public="Which folder of the paths is the class? Give its number, counted from the source.",
        question=Question(
            "label_folder",
            "Which folder of a path is its class, counted from the source?",
            tuple((str(level + 1), tree.num_files(level)) for level in levels),
        ),
    )


def _check_classes(names: list[str], depth: int, root: Path) -> None:
    """Raise SourceError if folders are named as copies of others, or all for how images were made or stored."""
    answer = f"or, if they are the classes, give --label-folder {depth + 1}"
    if copies := copies_of(names):
        raise SourceError(
            f"{root}: named as copies of other folders: {listed(copies)}; move them out of the source, {answer}"
        )
    if others := unsorted_among(names):
        raise SourceError(
            f"{root}: named for images that are not sorted into classes: {listed(others)}; move them out of the "
            f"source, {answer}"
        )
    if are_of_storage(names):
        raise SourceError(
            f"{root}: the folders {listed(names)} are named for how images were made or stored and not as classes; "
            f"give one of them as the source, with --labels FILE for a table of the labels, {answer}"
        )


def _check_inner(tree: FolderTree, names: list[str], depth: int, root: Path) -> None:
    """Raise SourceError if some of the folders hold folders, and others only files."""
    deep = tree.deep(depth)
    flat = [name for name in names if name not in deep]
    if flat:
        raise SourceError(
            f"{root}: {listed(deep)} holds a folder per class, and {listed(flat)} holds none; sort its images into "
            f"classes too, move it out of the source, or import {root / deep[0] if not depth else deep[0]} alone"
        )


def _check_mixture(tree: FolderTree, names: list[str], depth: int, root: Path) -> None:
    """Raise SourceError if folders that are named as splits, or that hold the other ones again, lie beside others."""
    deep = tree.deep(depth)
    for name in deep:
        once = set(names) - {name}
        if len(once) > 1 and once <= tree.inner(depth, depth + 1)[name] and not once.intersection(deep):
            raise SourceError(
                f"{root}: {listed(sorted(once))} are folders of images, and {name} holds them once more; move it out "
                "of the source"
            )
    splits = [name for name in deep if group_kind([name]) in (SPLIT, FOLD)]
    others = [name for name in names if name not in splits]
    if splits and others:
        is_copy = len(others) == 1 and set(splits) <= tree.inner(depth, depth + 1)[others[0]]
        what = "holds them once more" if is_copy else "is none" if len(others) == 1 else "are none"
        raise SourceError(
            f"{root}: {listed(splits)} are splits with classes in them, and {listed(others)} {what}; move "
            f"{'it' if len(others) == 1 else 'them'} out of the source"
        )
    flat = [name for name in names if split_of(name) not in ("", "train")]  # a train may be a vehicle
    if flat:
        beside = listed([name for name in names if name not in flat])
        raise SourceError(
            f"{root}: {listed(flat)} {'is' if len(flat) == 1 else 'are'} named as a split, beside {beside}; move "
            f"{'it' if len(flat) == 1 else 'them'} out of the source, or, if all are classes, give --label-folder "
            f"{depth + 1}"
        )
