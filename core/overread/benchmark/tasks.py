"""The benchmark's tasks: images with known true labels and, for some, human labels."""

import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
from overread.sources.request import ColumnNames, ImportRequest
from overread.sources.source import read_source

NUM_CIFAR = 10_000
"""Of the 50,000 training images, drawn once for all: what a CPU manages. The task cifar10n_all has them all."""
NUM_TILES = 600
_CACHE_PX = 128
"""At least what any features are made of; SimCLR's images are reduced further."""
_CIFAR_LABELS = {"aggregate": "aggregate_label", "worst": "worst_label", "rater_1": "rater_1"}
_TILE_LABELS = "reader_a"
HUMAN_LABELS = (*_CIFAR_LABELS, _TILE_LABELS)
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
    """By whom: (N,) int64, what people said."""


def load_task(name: str, data: Path | None, cache: Path) -> Task:
    """One of TASKS, with its pixels in the pixel cache below `cache`.

    data: the folder that OVERREAD_DATA names; None where it is unset, which only demo_tiles does without.
    Raises ConfigError for a data folder that is needed and unset, SourceError if it lacks the task.
    """
    return TASKS[name](data, cache / "pixels" / name)


def _chest_xray(data: Path | None, cache: Path) -> Task:
    source = read_source(ImportRequest(_folder(data, "chest_xray"), format="kermany"))
    return _real_task("chest_xray", source, [row.patient for row in source.rows], cache)


def _lung_histology(data: Path | None, cache: Path) -> Task:
    columns = ColumnNames(image="image", label="label", slide="source_tile")
    source = read_source(ImportRequest(_folder(data, "lung_histology"), labels="labels.csv", columns=columns))
    return _real_task("lung_histology", source, [row.slide for row in source.rows], cache)


def _cifar10n(data: Path | None, cache: Path, *, is_whole: bool = False) -> Task:
    folder = _folder(data, "cifar10n")
    table = pd.read_csv(folder / "labels.csv", dtype=str, keep_default_na=False)
    table = table[table["split"] == "train"]
    if not is_whole:
        table = table.iloc[np.sort(np.random.default_rng(0).permutation(len(table))[:NUM_CIFAR])]
    names = list(table["image"])

    def unpack(out: Path) -> dict[str, Path]:
        wanted = set(names)
        with tarfile.open(folder / "images.tar.xz") as archive:
            archive.extractall(out, (member for member in archive if member.name in wanted), filter="data")
        return {name: out / name for name in names}

    classes = tuple(sorted(set(table["clean_label"])))
    return Task(
        name="cifar10n_all" if is_whole else "cifar10n",
        pixels=_temporary_pixels(cache, names, unpack, size_px=32),
        true=_indices(table["clean_label"], classes),
        groups=np.arange(len(table)),
        classes=classes,
        human_labels={name: _indices(table[column], classes) for name, column in _CIFAR_LABELS.items()},
    )


def _demo_tiles(_: Path | None, cache: Path) -> Task:
    tiles = plan_tiles(NUM_TILES, seed=0)
    names = [tile.image for tile in tiles]

    def draw(out: Path) -> dict[str, Path]:
        write_tiles(out, num_images=NUM_TILES, seed=0)
        return {name: out / name for name in names}

    return Task(
        name="demo_tiles",
        pixels=_temporary_pixels(cache, names, draw, size_px=_CACHE_PX),
        true=np.array([tile.true_code for tile in tiles], dtype=np.int64),
        groups=np.array([tile.slide for tile in tiles], dtype=np.int64),
        classes=TILE_CLASSES,
        human_labels={_TILE_LABELS: np.array([tile.given_code for tile in tiles], dtype=np.int64)},
    )


TASKS: dict[str, Callable[[Path | None, Path], Task]] = {
    "chest_xray": _chest_xray,
    "lung_histology": _lung_histology,
    "cifar10n": _cifar10n,
    "cifar10n_all": partial(_cifar10n, is_whole=True),
    "demo_tiles": _demo_tiles,
}


def _folder(data: Path | None, name: str) -> Path:
    if data is None:
        raise ConfigError(f"task {name} needs real images: set OVERREAD_DATA to the folder that holds {name}/")
    if not (data / name).is_dir():
        raise SourceError(f"{data / name}: no such folder; OVERREAD_DATA must name the one that holds it")
    return data / name


def _real_task(name: str, source: Source, group_names: Sequence[str], cache: Path) -> Task:
    images = {row.image: Path(source.root) / row.image for row in source.rows}
    _raise_faults(build_cache(cache, images, size_px=_CACHE_PX), cache)
    labels = [row.label for row in source.rows]
    classes = tuple(sorted(set(labels)))
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
