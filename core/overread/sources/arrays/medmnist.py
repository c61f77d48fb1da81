"""Reads MedMNIST's .npz files (2-D, any size, grey or RGB): arrays train_images, train_labels, val_..., test_...

Source: Yang et al. 2023, "MedMNIST v2 - A large-scale lightweight benchmark for 2D and 3D biomedical image
classification".
"""

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from overread.errors import SourceError
from overread.records import Source, SourceRow
from overread.sources.arrays.array_images import image_name, write_arrays
from overread.sources.arrays.medmnist_release import PREFIX, fetched_file, with_class_names
from overread.sources.label_classes import listed
from overread.sources.source_files import SourceFiles
from overread.sources.source_format import Download, SourceFormat

SPLITS = ("train", "val", "test")
_MAX_SIDE_PX = 2048
_MAX_LABELS = 1_000_000
_BATCH = 256
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    tokenize.TokenError,
    SyntaxError,
    ValueError,
    EOFError,
    KeyError,
    RuntimeError,
    OverflowError,
)
"""What zipfile and numpy raise if a file is damaged; RuntimeError if it is encrypted."""
_COLUMNS = ("image", "split", "index", "label")


@dataclass(frozen=True, slots=True)
class _Array:
    shape: tuple[int, ...]
    dtype: np.dtype


def is_medmnist(path: Path) -> bool:
    """Whether a file is a zip that holds an array of training images."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "train_images.npy" in archive.namelist()
    except _DAMAGED:
        return False


def read_medmnist(path: Path) -> Source:
    """A row per image, by split and index; the labels are codes. Reads no pixels: see `write_images`.

    Raises SourceError for a damaged file, arrays that hold Python objects, 3-D images, several labels per image, and
    images and labels that don't match.
    """
    rows: list[SourceRow] = []
    cells: list[tuple[str, ...]] = []
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            for split in SPLITS:
                if f"{split}_images.npy" not in names and f"{split}_labels.npy" not in names:
                    continue
                for index, label in enumerate(_labels(path, archive, split)):
                    image = image_name(split, index)
                    rows.append(SourceRow(len(rows) + 1, image, str(label), split=split))
                    cells.append((image, split, str(index), str(label)))
    except _DAMAGED as error:
        raise SourceError(f"{path}: is not an intact MedMNIST .npz file ({error}); download it again") from error
    return Source(
        root=str(path.resolve().parent),
        format="medmnist",
        columns=_COLUMNS,
        cells=tuple(cells),
        image_column="image",
        label_column="label",
        rows=tuple(rows),
        labels_file=str(path.resolve()),
    )


def write_images(source: Source, folder: Path) -> Path:
    """Write the images of a source that `read_medmnist` has read below `folder`; see `array_images.write_arrays`.

    Raises SourceError for a damaged file.
    """
    path = Path(source.labels_file)
    splits = dict.fromkeys(row.split for row in source.rows)
    try:
        with zipfile.ZipFile(path) as archive:
            batches = ((split, start, batch) for split in splits for start, batch in _batches(archive, split))
            return write_arrays([path], batches, folder, only={row.image for row in source.rows})
    except _DAMAGED as error:
        raise SourceError(f"{path}: is not an intact MedMNIST .npz file ({error}); download it again") from error


def _labels(path: Path, archive: zipfile.ZipFile, split: str) -> list[int]:
    with archive.open(f"{split}_images.npy") as file:
        images = _header(file)
    if images.dtype != np.uint8 or not _is_2d(images.shape):
        raise SourceError(
            f"{path}: {split}_images is {images.dtype} of {images.shape}; 2-D images are read, (N, H, W) or "
            f"(N, H, W, 3) of uint8, up to {_MAX_SIDE_PX} px a side"
        )
    with archive.open(f"{split}_labels.npy") as file:
        labels = _header(file)
        num_labels = int(np.prod(labels.shape[1:], dtype=np.int64))
        if num_labels != 1:
            raise SourceError(f"{path}: {split}_labels has {num_labels} labels for each image; one is needed")
        if labels.shape[:1] != images.shape[:1]:
            raise SourceError(f"{path}: {split}_images is {images.shape}, {split}_labels {labels.shape}; fix the file")
        if labels.dtype.kind not in "iu" or labels.shape[0] > _MAX_LABELS:
            raise SourceError(f"{path}: {split}_labels is {labels.dtype} of {labels.shape}; whole numbers are needed")
        data = _exactly(file, labels.shape[0] * labels.dtype.itemsize)
    return np.frombuffer(data, dtype=labels.dtype).tolist()


def _is_2d(shape: tuple[int, ...]) -> bool:
    has_sides = len(shape) in (3, 4) and all(1 <= side <= _MAX_SIDE_PX for side in shape[1:3])
    return has_sides and shape[0] >= 0 and (len(shape) == 3 or shape[3] in (1, 3))


def _batches(archive: zipfile.ZipFile, split: str) -> Iterator[tuple[int, np.ndarray]]:
    """Index of the first one, and (B, H, W) or (B, H, W, 3) uint8."""
    with archive.open(f"{split}_images.npy") as file:
        shape = _header(file).shape
        sides = shape[1:3] if shape[-1] == 1 else shape[1:]
        size = int(np.prod(sides))
        num_at_once = max(1, min(_BATCH, 2**26 // size))
        for start in range(0, shape[0], num_at_once):
            count = min(num_at_once, shape[0] - start)
            yield start, np.frombuffer(_exactly(file, count * size), dtype=np.uint8).reshape(count, *sides)


def _header(file: IO[bytes]) -> _Array:
    """Shape and dtype of a .npy file, read up to its data. Raises ValueError for Python objects, which need pickle."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, is_fortran_order, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("an array holds Python objects, which are not read")
    if is_fortran_order and len(shape) > 1 and min(shape[1:]) > 1:
        raise ValueError("an array is stored column by column, which is not read")
    return _Array(shape, dtype)


def _exactly(file: IO[bytes], num_bytes: int) -> bytes:
    data = file.read(num_bytes)
    if len(data) < num_bytes:
        raise ValueError("an array is truncated")
    return data


def _not_medmnist(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    except _DAMAGED:
        return "is neither a CSV nor an intact MedMNIST .npz file; save a spreadsheet as CSV"
    return (
        f"is a NumPy archive of {listed(names) or 'no arrays'}; only MedMNIST's layout is read (train_images, "
        "train_labels and so on): name the arrays so, or write the images as PNG files and the labels as CSV"
    )


def _read(files: SourceFiles) -> Source:
    if files.labels_file is None or not is_medmnist(files.labels_file):
        raise SourceError(f"{files.labels_file or files.path}: {_not_medmnist(files.labels_file or files.path)}")
    source = read_medmnist(files.labels_file)
    return source if files.request.classes else with_class_names(source)


FORMAT = SourceFormat(
    name="medmnist",
    title="MedMNIST (.npz file or dataset name)",
    recognise=lambda files: files.is_zip,
    read=_read,
    precedence=20,
    looks_like=lambda path: path.suffix.lower() == ".npz",
    is_file=True,
    write_images=write_images,
    download=Download(
        prefix=PREFIX,
        explanation="the name of a MedMNIST dataset to download: medmnist:pathmnist, medmnist:pathmnist_64 …",
        fetch=fetched_file,
    ),
)
