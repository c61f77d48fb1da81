"""Reads PatchCamelyon's release: for each split an HDF5 file of images, one of labels, and a table of slides.

Source: Veeling et al. 2018, "Rotation equivariant CNNs for digital pathology"; its repository basveeling/pcam has the
layout: camelyonpatch_level_2_split_train_x.h5 (N, 96, 96, 3), _y.h5 (N, 1, 1, 1) and _meta.csv.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from overread.errors import SourceError
from overread.records import Source, SourceRow
from overread.sources.annotation_files import named_split
from overread.sources.arrays.array_images import image_name, write_arrays
from overread.sources.arrays.hdf5 import dataset_named, described, is_hdf5, opened_hdf5
from overread.sources.label_classes import listed
from overread.sources.source_files import SourceFiles
from overread.sources.source_format import SourceFormat
from overread.sources.tables.table_file import read_cells

_IMAGES, _LABELS = "x", "y"
_PART = re.compile(r"(?P<stem>.+)_[xy]\.(?:h5|hdf5)", re.IGNORECASE)
_PACKED = re.compile(r".+_[xy]\.(?:h5|hdf5)\.gz", re.IGNORECASE)
_SUFFIXES = (".h5", ".hdf5")
_SLIDE = "wsi"
_NO_SPLIT = "all"
"""The folder of images whose file names no split."""
_MAX_SIDE_PX = 2048
_MAX_LABELS = 10_000_000
_BATCH_BYTES = 2**24


@dataclass(frozen=True, slots=True)
class _Part:
    """The files of one split."""

    images: Path
    labels: Path
    table: Path
    """Of the slides; need not exist."""

    @property
    def split(self) -> str:
        return named_split(self.images)


def read_patch_camelyon(path: Path) -> Source:
    """A row per image, by split and index; the labels are codes, the slides those of the tables, if there are any.

    path: the folder of all splits, or a file of one. Reads no pixels: see `write_images`.
    Raises SourceError if h5py is not installed, and for files that are damaged, of another layout or do not fit
    together.
    """
    parts = _parts(path)
    rows: list[SourceRow] = []
    cells: list[tuple[str, ...]] = []
    for part in parts:
        labels = _labels(part)
        slides = _slides(part, len(labels))
        for index, (label, slide) in enumerate(zip(labels, slides, strict=True)):
            image = image_name(part.split or _NO_SPLIT, index)
            rows.append(SourceRow(len(rows) + 1, image, str(label), slide=slide, split=part.split))
            cells.append((image, part.split, str(index), str(label), slide))
    without = [part.table.name for part in parts if not part.table.is_file()]
    messages = [f"{', '.join(without)} is missing: images of one slide are not kept together"] if without else []
    read = {file.name for part in parts for file in (part.images, part.labels, part.table)}
    others = [file.name for file in sorted(path.iterdir()) if file.name not in read] if path.is_dir() else []
    if visible := [name for name in others if not name.startswith(".")]:
        messages.append(f"not read, since PatchCamelyon's files lie beside: {listed(visible)}")
    return Source(
        root=str(parts[0].images.resolve().parent),
        format=FORMAT.name,
        columns=("image", "split", "index", "label", _SLIDE),
        cells=tuple(cells),
        image_column="image",
        label_column="label",
        rows=tuple(rows),
        labels_file=str(parts[0].labels.resolve()),
        messages=tuple(messages),
    )


def write_images(source: Source, folder: Path) -> Path:
    """Write the images of a source that `read_patch_camelyon` has read below `folder`; see `array_images.write_arrays`.

    Raises SourceError for a damaged file.
    """
    splits = {row.split for row in source.rows}
    parts = [part for part in _parts(Path(source.root)) if part.split in splits]
    batches = (batch for part in parts for batch in _batches(part))
    return write_arrays([part.images for part in parts], batches, folder, only={row.image for row in source.rows})


def _parts(path: Path) -> list[_Part]:
    """The splits of a release. Raises SourceError for a file that belongs to none, and two files of one split."""
    folder = path if path.is_dir() else path.parent
    stems: dict[str, str] = {}
    for file in sorted(folder.iterdir() if path.is_dir() else (path,)):
        if (match := _PART.fullmatch(file.name)) and file.is_file():
            stems.setdefault(match["stem"], file.suffix)
    parts = []
    for stem, suffix in stems.items():
        images, labels = (folder / f"{stem}_{kind}{suffix}" for kind in (_IMAGES, _LABELS))
        if images.is_file() and labels.is_file():
            parts.append(_Part(images, labels, folder / f"{stem}_meta.csv"))
    parts.sort(key=lambda part: ("train", "val", "test").index(part.split) if part.split else 3)
    if len({part.split for part in parts}) < len(parts):
        names = ", ".join(part.images.name for part in parts)
        raise SourceError(f"{folder}: several files are of one split; give one of them as the source: {names}")
    return parts


def _labels(part: _Part) -> list[int]:
    with opened_hdf5(part.images) as file:
        images = dataset_named(part.images, file, _IMAGES)
        shape, dtype = images.shape, images.dtype
    has_sides = len(shape) in (3, 4) and all(1 <= side <= _MAX_SIDE_PX for side in shape[1:3])
    if dtype != np.uint8 or not has_sides or (len(shape) == 4 and shape[3] not in (1, 3)):
        raise SourceError(
            f"{part.images}: {_IMAGES} is {dtype} of {shape}; images are read as (N, H, W) or (N, H, W, 3) of uint8, "
            f"up to {_MAX_SIDE_PX} px a side"
        )
    with opened_hdf5(part.labels) as file:
        labels = dataset_named(part.labels, file, _LABELS)
        if labels.dtype.kind not in "iub" or labels.size > _MAX_LABELS or labels.shape[:1] != (labels.size,):
            raise SourceError(
                f"{part.labels}: {_LABELS} is {labels.dtype} of {labels.shape}; a whole number for each image is needed"
            )
        if labels.size != shape[0]:
            raise SourceError(f"{part.labels}: has {labels.size} labels for {shape[0]} images; download both again")
        return [int(code) for code in labels[()].ravel()]


def _slides(part: _Part, num_images: int) -> list[str]:
    """The slide of each image; empty where the table is missing or has none."""
    if not part.table.is_file():
        return [""] * num_images
    table = read_cells(part.table)
    if _SLIDE not in table.header:
        return [""] * num_images
    if len(table.records) != num_images:
        raise SourceError(f"{part.table}: has {len(table.records)} rows for {num_images} images; download it again")
    place = table.header.index(_SLIDE)
    return [cells[place].strip() for _, cells in table.records]


def _batches(part: _Part) -> Iterator[tuple[str, int, np.ndarray]]:
    """The split, the index of the first image, and (B, H, W) or (B, H, W, 3) uint8."""
    with opened_hdf5(part.images) as file:
        images = dataset_named(part.images, file, _IMAGES)
        # Whole chunks at a time: each is decompressed once.
        step = max(1, _BATCH_BYTES // int(np.prod(images.shape[1:])))
        chunk = images.chunks[0] if images.chunks else 1
        step = max(chunk, step - step % chunk)
        for start in range(0, images.shape[0], step):
            batch = images[start : start + step]
            yield part.split or _NO_SPLIT, start, batch[..., 0] if batch.shape[3:] == (1,) else batch


def _recognise(files: SourceFiles) -> bool:
    if files.labels_file is not None:
        return is_hdf5(files.labels_file)
    if files.is_table_meant:
        return False
    found = [path for path in files.root.iterdir() if not path.name.startswith(".")]
    is_only_hdf5 = bool(found) and all(path.suffix.lower() in _SUFFIXES and path.is_file() for path in found)
    return is_only_hdf5 or any(_PACKED.fullmatch(path.name) for path in found) or bool(_parts(files.root))


def _read(files: SourceFiles) -> Source:
    path = files.labels_file or files.root
    if path.is_dir() and (packed := sorted(file.name for file in path.iterdir() if _PACKED.fullmatch(file.name))):
        raise SourceError(f"{path}: {packed[0]} is packed; unpack it and the others like it first: gunzip *.h5.gz")
    if _parts(path):
        return read_patch_camelyon(path)
    found = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES)
    if not found:
        raise SourceError(f"{path}: no PatchCamelyon in it (NAME_x.h5 and NAME_y.h5); check the folder")
    with opened_hdf5(found[0]) as file:
        content = described(file)
    raise SourceError(
        f"{found[0]}: this is HDF5: {content}; only PatchCamelyon's layout is read, NAME_x.h5 with the images x and "
        "NAME_y.h5 with the labels y: write the datasets to such files, or the images as PNG files in a folder for "
        "each class",
        public="This is HDF5, of which only PatchCamelyon's layout is read: NAME_x.h5 with the images and NAME_y.h5 "
        "with the labels. Write the images as PNG files in a folder for each class.",
    )


FORMAT = SourceFormat(
    name="patch-camelyon",
    title="PatchCamelyon (HDF5)",
    recognise=_recognise,
    read=_read,
    precedence=25,
    looks_like=lambda path: path.suffix.lower() in _SUFFIXES,
    write_images=write_images,
)
