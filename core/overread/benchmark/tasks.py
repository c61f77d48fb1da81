"""The benchmark's tasks: images with known true labels and, for some, human labels."""

import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from overread.demo.image_sets import write_tiles
from overread.demo.tiles import CLASSES as TILE_CLASSES
from overread.demo.tiles import plan_tiles
from overread.errors import ConfigError, SourceError, StudyError
from overread.images.cache.cache_build import build_cache
from overread.images.cache.pixel_cache import open_cache
from overread.records import Source
from overread.sources.arrays.cifar import write_images
from overread.sources.request import ColumnNames, ImportRequest
from overread.sources.source import read_source

NUM_CIFAR = 10_000
"""Of the 50,000 training images, drawn once for all: what a CPU manages. The task cifar10n_all has them all."""
NUM_TILES = 600
CACHE_PX = 128
"""At least what any features are made of; SimCLR's images are reduced further."""
_CIFAR_PX = 32
_CIFAR_LABELS = {"aggregate": "aggregate_label", "worst": "worst_label", "rater_1": "rater_1"}
_TILE_LABELS = "reader_a"
HUMAN_LABELS = (*_CIFAR_LABELS, _TILE_LABELS, "reader_b")
"""The names of all that people said, of one task or another."""


@dataclass(frozen=True)
class Task:
    """Images with their true labels. A sample's position is its dataset index."""

    name: str
    pixels: np.ndarray
    """(N, H, W, C) uint8, H = W."""
    true: np.ndarray
    """(N,) int64 class indices."""
    groups: np.ndarray
    """(N,) int64, equal for images of one patient, slide or source picture."""
    classes: tuple[str, ...]
    human_labels: dict[str, np.ndarray] = field(default_factory=dict)
    """By whom: (N,) int64, what people said; of the release's test images, which nobody relabelled, the true label."""
    is_test: np.ndarray | None = None
    """(N,) bool: the release's own test images; None where it has none."""


def load_task(name: str, data: Path | None, cache: Path, *, size_px: int = CACHE_PX) -> Task:
    """One of TASKS, with its pixels in the pixel cache below `cache`.

    data: the folder that OVERREAD_DATA names; None where it is unset, which only demo_tiles does without. size_px: side
    length of the cached images, but of CIFAR's, which have 32.
    Raises ConfigError for a data folder that is needed and unset, SourceError if it lacks the task.
    """
    folder = name if size_px == CACHE_PX else f"{name}-{size_px}px"
    return TASKS[name](data, cache / "pixels" / folder, size_px)


def _chest_xray(data: Path | None, cache: Path, size_px: int) -> Task:
    source = read_source(ImportRequest(_folder(data, "chest_xray"), format="kermany"))
    return _real_task("chest_xray", source, [row.patient for row in source.rows], cache, size_px)


def _lung_histology(data: Path | None, cache: Path, size_px: int) -> Task:
    columns = ColumnNames(image="image", label="label", slide="source_tile")
    source = read_source(ImportRequest(_folder(data, "lung_histology"), labels="labels.csv", columns=columns))
    return _real_task("lung_histology", source, [row.slide for row in source.rows], cache, size_px)


def _chaoyang(data: Path | None, cache: Path, size_px: int) -> Task:
    """With what the readers A and B said of the training images; C nearly coincides with the released label."""
    source = read_source(ImportRequest(_folder(data, "chaoyang"), format="chaoyang"))
    task = _real_task("chaoyang", source, [row.slide for row in source.rows], cache, size_px)
    is_test = np.array([row.split == "test" for row in source.rows])
    human = {}
    for name, column in (("reader_a", "rater_A"), ("reader_b", "rater_B")):
        if column in source.rater_names:
            place = source.rater_names.index(column)
            said = [row.raters[place] or row.label for row in source.rows]
            human[name] = _indices(said, task.classes)
    return replace(task, human_labels=human, is_test=is_test)


def _cifar100(data: Path | None, cache: Path, size_px: int) -> Task:
    """The release in its Python version, whose images are arrays: they are written out once, to be cached."""
    source = read_source(ImportRequest(_folder(data, "cifar100"), format="cifar"))
    names = [row.image for row in source.rows]

    def write(out: Path) -> dict[str, Path]:
        root = write_images(source, out)
        return {name: root / name for name in names}

    return Task(
        name="cifar100",
        pixels=_temporary_pixels(cache, names, write, size_px=_CIFAR_PX),
        true=_indices([row.label for row in source.rows], source.classes),
        groups=np.arange(len(names)),
        classes=source.classes,
        is_test=np.array([row.split == "test" for row in source.rows]),
    )


def _cifar10(data: Path | None, cache: Path, size_px: int, *, name: str) -> Task:
    """cifar10: training and test images; cifar10n_all: the training images; cifar10n: NUM_CIFAR of them."""
    folder = _folder(data, "cifar10n")
    table = pd.read_csv(folder / "labels.csv", dtype=str, keep_default_na=False)
    if name != "cifar10":
        table = table[table["split"] == "train"]
    if name == "cifar10n":
        table = table.iloc[np.sort(np.random.default_rng(0).permutation(len(table))[:NUM_CIFAR])]
    is_test = (table["split"] == "test").to_numpy()
    names = list(table["image"])

    def unpack(out: Path) -> dict[str, Path]:
        wanted = set(names)
        with tarfile.open(folder / "images.tar.xz") as archive:
            archive.extractall(out, (member for member in archive if member.name in wanted), filter="data")
        return {name: out / name for name in names}

    classes = tuple(sorted(set(table["clean_label"])))
    return Task(
        name=name,
        pixels=_temporary_pixels(cache, names, unpack, size_px=_CIFAR_PX),
        true=_indices(table["clean_label"], classes),
        groups=np.arange(len(table)),
        classes=classes,
        human_labels={
            by: _indices(table[column].where(~is_test, table["clean_label"]), classes)
            for by, column in _CIFAR_LABELS.items()
        },
        is_test=is_test if name == "cifar10" else None,
    )


def _demo_tiles(_: Path | None, cache: Path, size_px: int) -> Task:
    tiles = plan_tiles(NUM_TILES, seed=0)
    names = [tile.image for tile in tiles]

    def draw(out: Path) -> dict[str, Path]:
        write_tiles(out, num_images=NUM_TILES, seed=0)
        return {name: out / name for name in names}

    return Task(
        name="demo_tiles",
        pixels=_temporary_pixels(cache, names, draw, size_px=size_px),
        true=np.array([tile.true_code for tile in tiles], dtype=np.int64),
        groups=np.array([tile.slide for tile in tiles], dtype=np.int64),
        classes=TILE_CLASSES,
        human_labels={_TILE_LABELS: np.array([tile.given_code for tile in tiles], dtype=np.int64)},
    )


TASKS: dict[str, Callable[[Path | None, Path, int], Task]] = {
    "chest_xray": _chest_xray,
    "lung_histology": _lung_histology,
    "chaoyang": _chaoyang,
    **{name: partial(_cifar10, name=name) for name in ("cifar10n", "cifar10n_all", "cifar10")},
    "cifar100": _cifar100,
    "demo_tiles": _demo_tiles,
}


def _folder(data: Path | None, name: str) -> Path:
    if data is None:
        raise ConfigError(f"task {name} needs real images: set OVERREAD_DATA to the folder that holds {name}/")
    if not (data / name).is_dir():
        raise SourceError(f"{data / name}: no such folder; OVERREAD_DATA must name the one that holds it")
    return data / name


def _real_task(name: str, source: Source, group_names: Sequence[str], cache: Path, size_px: int) -> Task:
    images = {row.image: Path(source.root) / row.image for row in source.rows}
    _raise_faults(build_cache(cache, images, size_px=size_px), cache)
    labels = [row.label for row in source.rows]
    classes = source.classes or tuple(sorted(set(labels)))
    return Task(
        name=name,
        pixels=open_cache(cache).pixels,
        true=_indices(labels, classes),
        groups=np.unique(group_names, return_inverse=True)[1].astype(np.int64),
        classes=classes,
    )


def _temporary_pixels(
    cache: Path, names: Sequence[str], write: Callable[[Path], dict[str, Path]], *, size_px: int
) -> np.ndarray:
    """The pixels of images that stand in no folder: `write` puts them into one, which is gone when they are cached."""
    try:
        found = open_cache(cache)
    except StudyError:
        found = None
    if found is None or found.keys != tuple(names) or found.size_px != size_px:
        with tempfile.TemporaryDirectory() as folder:
            _raise_faults(build_cache(cache, write(Path(folder)), size_px=size_px), cache)
        found = open_cache(cache)
    return found.pixels


def _raise_faults(faults: dict[str, str], cache: Path) -> None:
    if faults:
        raise SourceError(f"{cache.name}: {len(faults)} of its images can't be read; restore them")


def _indices(labels: Sequence[str], classes: tuple[str, ...]) -> np.ndarray:
    numbers = {name: number for number, name in enumerate(classes)}
    return np.array([numbers[label] for label in labels], dtype=np.int64)
