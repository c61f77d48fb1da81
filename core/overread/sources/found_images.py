"""Finds the images that a labels file names in its own way, by the ends of their paths."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from overread.images.location import split_frame
from overread.images.remote import is_remote
from overread.records import Source, SourceRow
from overread.sources.columns import free_name
from overread.sources.folder import SPLITS, files_below, printable
from overread.sources.image_paths import normal_path, path_fault
from overread.sources.label_classes import listed
from overread.sources.sidecars import without_sidecars

_IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".dib", ".pgm", ".ppm", ".pbm", ".pnm"),
    *(".jp2", ".j2k", ".webp", ".gif", ".avif", ".dcm", ".dicom", ".dic"),
)
_ABSOLUTE = re.compile(r"/|[A-Za-z]:/|[A-Za-z][A-Za-z0-9+.-]+://")
_MOST_COMPARED = 20_000
"""Names among which the nearest one is looked for."""
_COLUMN = "file"
_VOLUME = ".nii"
_FLOAT = re.compile(r"(\d+)\.0+")
"""A number that pandas has read from a column with blanks."""
_SHORTENED = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d+")
_UNUSABLE = (
    (_SHORTENED, "a spreadsheet has shortened the number; write the whole name, as text"),
    (re.compile(r"\[.*,.*\]", re.DOTALL), "several images are named; write a row for each"),
)
"""What names no image where none is called so, and why."""


@dataclass(frozen=True, slots=True)
class ImageIndex:
    """The files below a folder, by the names that a table may use for them."""

    files: tuple[str, ...]
    """POSIX paths from the folder."""
    _forms: tuple[dict[str, list[str]], ...] = field(repr=False, compare=False)
    """For each of _FORMS: the files by their names in this form."""

    @classmethod
    def of(cls, files: Iterable[str]) -> "ImageIndex":
        files = tuple(file for file in files if file == printable(file))
        forms: tuple[dict[str, list[str]], ...] = tuple(defaultdict(list) for _ in _FORMS)
        for file in files:
            name = file.rpartition("/")[2]
            for form, names in zip(_FORMS, forms, strict=True):
                names[form(name)].append(file)
        return cls(files, forms)

    def candidates(self, path: str) -> list[str]:
        """The files that a path may mean, of the form of the name that is closest to it; none if nothing fits.

        The end of the path is one of the file's whole path, or the other way round: a table may name more folders than
        there are here, or fewer, but no others. Capitals and the composition of accents don't count.
        """
        parts = [_folded(part) for part in path.split("/") if part not in ("", ".")]
        if not parts:
            return []
        name = path.rpartition("/")[2]
        for form, names in zip(_FORMS, self._forms, strict=True):
            found = [file for file in names.get(form(name), ()) if _is_end(parts[:-1], file)]
            if len(found) > 1:
                found = [file for file in found if Path(file).suffix.lower() in _IMAGE_SUFFIXES] or found
                found = without_sidecars(found)[0] or found
                most = max(_num_common(parts, file) for file in found)
                found = [file for file in found if _num_common(parts, file) == most]
            if found:
                return found
        return []

    def closeness(self, cell: str) -> float:
        """How surely a cell names one of the files, whatever folders it names: from 1, for the same name, to 0."""
        name = normal_path(cell).rpartition("/")[2]
        found = (place for place, form in enumerate(_FORMS) if name and form(name) in self._forms[place])
        return 1 - next(found, len(_FORMS)) / len(_FORMS)

    def nearest(self, path: str) -> str:
        """The file whose name is most like that of a path; empty if none is."""
        names = {file.rpartition("/")[2]: file for file in self.files[:_MOST_COMPARED]}
        close = get_close_matches(path.rpartition("/")[2], names, n=1, cutoff=0.5)
        return names[close[0]] if close else ""


def with_images_found(source: Source, index: ImageIndex | None = None) -> Source:
    """The source with the paths of its images as they are below its root, in an added column `file` where they differ.

    An image that is no file relative to the root is searched by the ends of its path, and taken where exactly one file
    fits. Of several, the one in a folder that another cell of its row names is taken, or the one in a folder of the
    row's split; else the row is faulty.
    """
    root = Path(source.root)
    pending = [row for row in source.rows if _is_sought(row, root)]
    if pending:
        index = index or ImageIndex.of(files_below(root))
        rows = _found(source, {id(row) for row in pending}, index)
        source = _reported(replace(source, rows=rows), pending)
    return _with_column(source)


def _found(source: Source, pending: set[int], index: ImageIndex) -> tuple[SourceRow, ...]:
    rows = [
        _resolved(row, cells, index) if id(row) in pending else row
        for row, cells in zip(source.rows, source.cells, strict=True)
    ]
    spellings: dict[str, set[str]] = defaultdict(set)
    for before, after in zip(source.rows, rows, strict=True):
        spellings[after.image].add(normal_path(before.image))
    return tuple(
        replace(before, fault="several paths in the table come to the same file")
        if after.image != before.image and len(spellings[after.image]) > 1
        else after
        for before, after in zip(source.rows, rows, strict=True)
    )


def _resolved(row: SourceRow, cells: Sequence[str], index: ImageIndex) -> SourceRow:
    path, frame = split_frame(normal_path(row.image))
    candidates = index.candidates(path) or index.candidates(normal_path(row.image))
    if len(candidates) > 1:
        named = {_folded(part) for cell in cells for part in normal_path(cell).split("/")} - {"", "."}
        told = [file for file in candidates if named.intersection(map(_folded, file.split("/")[:-1]))]
        if len(told) != 1 and row.split:
            told = [file for file in candidates if row.split in _splits(file)]
        if len(told) != 1:
            return replace(row, fault=f"{len(candidates)} files have this name: {listed(candidates[:3])}")
        candidates = told
    if not candidates:
        fault = next((fault for pattern, fault in _UNUSABLE if pattern.fullmatch(row.image.strip())), "")
        return replace(row, fault=fault) if fault else row
    return replace(row, image=f"{candidates[0]}#{frame}" if frame is not None else candidates[0])


def _reported(source: Source, pending: list[SourceRow]) -> Source:
    """The source with a note on what was found and what was not. pending: the rows as they were."""
    before = {row.row: row for row in pending}
    found = [row for row in source.rows if row.row in before and row.image != before[row.row].image]
    lost = [
        row
        for row in source.rows
        if row.row in before and row.image == before[row.row].image and not (row.fault or path_fault(row.image))
    ]
    messages = []  # without names of files, which may name patients
    if found:
        messages.append(
            f"{len(found)} images were found by the ends of their paths; the first is in row {found[0].row}"
        )
    if 0 < len(lost) < len(source.rows):  # else nothing is imported, and the error tells
        messages.append(f"images that are missing: {len(lost)}; the first is in row {lost[0].row}")
    return replace(source, messages=(*source.messages, *messages))


def looked_for(row: SourceRow, index: ImageIndex) -> str:
    """Which path was tried for a row whose image is missing, and the nearest file."""
    tried = normal_path(row.image)
    nearest = index.nearest(tried)
    return f"{tried} (row {row.row}) was looked for" + (f"; the nearest is {nearest}" if nearest else "")


def _with_column(source: Source) -> Source:
    """The source with its paths in a column `file`, if the cells of its image column say otherwise."""
    place = source.columns.index(source.image_column)
    pairs = list(zip(source.rows, source.cells, strict=True))
    if all(row.image == cells[place] or row.fault for row, cells in pairs):
        return source
    column = free_name(_COLUMN, source.columns)
    return replace(
        source,
        columns=(*source.columns, column),
        cells=tuple((*cells, row.image) for row, cells in pairs),
        image_column=column,
    )


def _is_sought(row: SourceRow, root: Path) -> bool:
    if row.fault or not row.image.strip() or is_remote(row.image.strip()):
        return False
    path = normal_path(row.image)
    return not any(is_file(root, name) for name in (split_frame(path)[0], path))


def is_file(root: Path, path: str) -> bool:
    """Whether a relative path names a file below the root."""
    if _ABSOLUTE.match(path) or path.startswith("../"):
        return False
    try:
        return (root / path).is_file()
    except (OSError, ValueError):  # a name longer than the file system knows, or with a NUL
        return False


def _splits(file: str) -> set[str]:
    """The splits that the folders of a file name: train for `a. Training Set/1.png`."""
    words = re.findall(r"[a-z]+", file.rpartition("/")[0].casefold())
    return {SPLITS[word] for word in words if word in SPLITS}


def _is_end(folders: Sequence[str], file: str) -> bool:
    """Whether one of two paths ends like the whole of the other. folders: those of a path, folded."""
    own = [_folded(part) for part in file.split("/")[:-1]]
    count = min(len(folders), len(own))
    return not count or folders[-count:] == own[-count:]


def _num_common(parts: Sequence[str], file: str) -> int:
    own = [_folded(part) for part in file.split("/")]
    pairs = zip(reversed(parts[:-1]), reversed(own[:-1]), strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(parts), len(own)) - 1)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold().strip()


def _stem(name: str) -> str:
    stem, mark, suffix = _folded(name).rpartition(".")
    return stem if mark and stem and f".{suffix}" in _IMAGE_SUFFIXES else _folded(name)


def _without_zeros(name: str) -> str:
    """The stem, with no zeros before a number that a spreadsheet may have taken for one, nor .0 after it."""
    stem = _FLOAT.sub(r"\1", _stem(name))
    return stem.lstrip("0") or "0" if stem.isdigit() else stem


def _without_suffixes(name: str) -> str:
    """The stem of a file that has several suffixes: scan of scan.nii.png, scan.jpg.jpg."""
    stem = _stem(name)
    while (shorter := _stem(stem).removesuffix(_VOLUME)) != stem:
        stem = shorter
    return stem


def _as_written(name: str) -> str:
    return name


_FORMS = (_as_written, _folded, _stem, _without_zeros, _without_suffixes)
"""Of a file's name, from what is written to what may be meant."""
