"""What an import would make of a source, before anything is made: its classes, what it leaves out, and eight images."""

import base64
import hashlib
import io
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np
from PIL import Image

from overread.errors import ImageError, ManifestError
from overread.images.cache.tile import square_tile
from overread.images.decoding import read_image
from overread.records import Source, SourceRow
from overread.sources.image_paths import normal_path
from overread.sources.registry import find_format
from overread.studies.importing import class_order, rare_classes
from overread.studies.study import find_image
from overread.studies.usable_rows import usable_rows

NUM_SHOWN = 8
THUMBNAIL_PX = 192
SPLITS = ("train", "val", "test")
"""In the order in which they are listed; others follow."""


@dataclass(frozen=True, slots=True)
class ClassCount:
    """A class, and how many images an import would give it."""

    name: str
    num_images: int
    by_split: tuple[int, ...]
    """In the order of `Preview.splits`."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows that an import would put into the quarantine, for one reason."""

    reason: str
    num_rows: int
    first_row: int
    """As `SourceRow.row`."""


@dataclass(frozen=True, slots=True)
class ShownImage:
    """One image, and the label that it would get."""

    row: int
    """As `SourceRow.row`."""
    image: str
    """As the source writes it."""
    label: str
    thumbnail: str = ""
    """A JPEG of at most THUMBNAIL_PX on a side as a data URI, without names or tags; empty if it cannot be read."""
    fault: str = ""
    """Why it cannot be read."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would make of a source. Only the images that are shown were opened."""

    format: str
    num_images: int
    num_patients: int
    """0 where the source names none."""
    splits: tuple[str, ...]
    """Those of the images: train, val and test, then others; empty where no image has one; "" for those without one."""
    classes: tuple[ClassCount, ...]
    left_out: tuple[LeftOut, ...]
    """By falling number of rows."""
    shown: tuple[ShownImage, ...]
    messages: tuple[str, ...]
    """What the user should know and need not decide."""


def preview_source(source: Source, *, on_progress: Callable[[int, int], None] | None = None) -> Preview:
    """What `import_source` would make of the source; nothing is written.

    Up to NUM_SHOWN images are decoded, of as many classes as possible, always the same ones. on_progress: called with
    images decoded and images in total.
    Raises ManifestError if fewer than two classes have images, or if none of the decoded images can be read.
    """
    format = find_format(source.format)
    write_images = format.write_images if format else None
    usable = usable_rows(source, [normal_path(row.image) for row in source.rows], has_files=write_images is None)
    rows = tuple(usable.first.values())
    counts = Counter(row.label for row in rows)
    names = class_order(source, set(counts))
    splits = _in_order({row.split for row in rows})
    by_split = Counter((row.label, row.split) for row in rows)
    chosen = choose_shown(rows, names)
    if write_images is None:
        shown = _decoded(source.root, chosen, on_progress)
    else:
        with tempfile.TemporaryDirectory() as folder:
            root = write_images(_only(source, chosen), Path(folder))
            shown = _decoded(root, chosen, on_progress)
    if all(image.fault for image in shown):
        reason, number = Counter(image.fault for image in shown).most_common(1)[0]
        found = f"none of {len(shown)} images tried can be read ({number}: {reason})"
        mend = "check the folder, and that the image column names images"
        raise ManifestError(
            f"{source.labels_file or source.root}: {found}; {mend}", public=f"Of the source, {found}; {mend}."
        )
    return Preview(
        format=source.format,
        num_images=len(rows),
        num_patients=len({row.patient for row in rows} - {""}),
        splits=splits,
        classes=tuple(
            ClassCount(name, counts[name], tuple(by_split[name, split] for split in splits)) for name in names
        ),
        left_out=_left_out(source, usable.reasons),
        shown=shown,
        messages=(*source.messages, *rare_classes(row.label for row in rows)),
    )


def choose_shown(rows: Sequence[SourceRow], classes: Sequence[str]) -> tuple[SourceRow, ...]:
    """Up to NUM_SHOWN rows, in the order of the classes: one of each class from the largest on, then a second one ...

    Within a class they follow a hash of their paths, so that they are spread over the source, and always the same.
    """
    by_class: dict[str, list[SourceRow]] = defaultdict(list)
    for row in rows:
        by_class[row.label].append(row)
    hashed = [sorted(found, key=_hash) for found in sorted(by_class.values(), key=len, reverse=True)]
    turns = chain.from_iterable(zip_longest(*(found[:NUM_SHOWN] for found in hashed)))
    chosen = [row for row in turns if row is not None][:NUM_SHOWN]
    return tuple(sorted(chosen, key=lambda row: classes.index(row.label)))


def _in_order(splits: Set[str]) -> tuple[str, ...]:
    found = sorted(splits, key=lambda split: (not split, *(split != name for name in SPLITS), split))
    return tuple(found) if any(found) else ()


def _only(source: Source, rows: Sequence[SourceRow]) -> Source:
    """The source with these rows alone."""
    kept = [(cells, row) for cells, row in zip(source.cells, source.rows, strict=True) if row in rows]
    return replace(source, cells=tuple(cells for cells, _ in kept), rows=tuple(row for _, row in kept))


def _hash(row: SourceRow) -> bytes:
    return hashlib.sha256(row.image.encode("utf-8", "surrogatepass")).digest()


def _decoded(
    root: Path | str, rows: Sequence[SourceRow], on_progress: Callable[[int, int], None] | None
) -> tuple[ShownImage, ...]:
    shown = []
    for row in rows:
        try:
            image = read_image(find_image(root, row.image), at_least_px=THUMBNAIL_PX)
            tile = square_tile(image, THUMBNAIL_PX)
            shown.append(ShownImage(row.row, row.image, row.label, thumbnail=_data_uri(tile.squeeze())))
        except ImageError as error:
            shown.append(ShownImage(row.row, row.image, row.label, fault=str(error)))
        if on_progress:
            on_progress(len(shown), len(rows))
    return tuple(shown)


def _data_uri(pixels: np.ndarray) -> str:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode()


def _left_out(source: Source, reasons: Mapping[int, str]) -> tuple[LeftOut, ...]:
    """The rows that are left out, by reason."""
    places: dict[str, list[int]] = defaultdict(list)
    for place in sorted(reasons):
        places[reasons[place]].append(place)
    found = [LeftOut(reason, len(of), source.rows[of[0]].row) for reason, of in places.items()]
    return tuple(sorted(found, key=lambda left: -left.num_rows))
