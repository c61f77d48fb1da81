"""Tasks with a training part, whose labels are made noisy, and a test part of other patients, whose labels are true."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from overread.benchmark.cells import make_cell
from overread.benchmark.tasks import CACHE_PX, Task, load_task
from overread.errors import ConfigError

TEST_SHARE = 0.2
"""Of the groups, where the release has no test part or shares slides with it."""


@dataclass(frozen=True)
class SplitTask:
    """A task and its parts. A sample in neither part, such as one on a slide of the other part, is left out."""

    name: str
    task: Task
    is_trained: np.ndarray
    """(N,) bool."""
    is_test: np.ndarray
    """(N,) bool."""

    def noisy_labels(self, noise: str, seed: int) -> np.ndarray:
        """(N,) int64: given labels, noisy where a sample is trained on and else the true ones. noise: a name of
        `cells`, or of the task's human labels."""
        rows, task = np.flatnonzero(self.is_trained), self.task
        part = _rows_of(task, rows)
        given = task.true.copy()
        given[rows] = make_cell(part, noise, seed).given
        return given

    def part(self, num_trained: int | None, num_test: int | None) -> "SplitTask":
        """So many samples of each part, chosen by a hash of their number; None: all. Samples in neither are gone."""
        chosen = [
            _first_by_hash(self.name, np.flatnonzero(is_in), num)
            for is_in, num in ((self.is_trained, num_trained), (self.is_test, num_test))
        ]
        rows = np.sort(np.concatenate(chosen))
        return SplitTask(self.name, _rows_of(self.task, rows), self.is_trained[rows], self.is_test[rows])


def load_split_task(name: str, data: Path | None, cache: Path, *, size_px: int = CACHE_PX) -> SplitTask:
    """One of SPLIT_TASKS; see `load_task`. Raises ConfigError as that, and where a part lacks a class."""
    of_task, split = SPLIT_TASKS[name]
    task = load_task(of_task, data, cache, size_px=size_px)
    is_trained, is_test = split(task)
    for part, is_in in (("training", is_trained), ("test", is_test)):
        if len(np.unique(task.true[is_in])) < len(task.classes):
            raise ConfigError(f"--tasks {name}: its {part} part does not have all classes; add images")
    return SplitTask(name, task, is_trained, is_test)


def has_images(name: str, data: Path | None) -> bool:
    """Whether the folder that OVERREAD_DATA names holds a task's images; demo_tiles draws its own."""
    return name == "demo_tiles" or (data is not None and (data / _FOLDERS.get(name, name)).is_dir())


def by_release(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """The release's own parts. Raises ConfigError where it has no test part."""
    if task.is_test is None or not task.is_test.any():
        raise ConfigError(f"--tasks {task.name}: there is no test part; put the release's beside the training part")
    return ~task.is_test, task.is_test


def by_group(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """A fifth of the groups is for testing, chosen by a hash of the group's number; the training images are those of
    the other groups, of the release's training part where it has parts."""
    numbers = np.unique(task.groups)
    chosen = _first_by_hash(task.name, numbers, round(TEST_SHARE * len(numbers)))
    is_test = np.isin(task.groups, chosen)
    is_trained = ~is_test if task.is_test is None else ~is_test & ~task.is_test
    return is_trained, is_test


SPLIT_TASKS: dict[str, tuple[str, Callable[[Task], tuple[np.ndarray, np.ndarray]]]] = {
    "chest_xray": ("chest_xray", by_group),
    "lung_histology": ("lung_histology", by_group),
    "chaoyang": ("chaoyang", by_release),
    "chaoyang_slides": ("chaoyang", by_group),
    "cifar10": ("cifar10", by_release),
    "cifar100": ("cifar100", by_release),
    "demo_tiles": ("demo_tiles", by_group),
}
"""By name: the task, and how it is parted. Groups are patients, slides or source pictures."""
_FOLDERS = {"chaoyang_slides": "chaoyang", "cifar10": "cifar10n"}


def _first_by_hash(name: str, numbers: np.ndarray, count: int | None) -> np.ndarray:
    """`count` of the numbers, the same in every process and on every machine."""
    hashes = [zlib.crc32(f"{name} {number}".encode()) for number in numbers.tolist()]
    return numbers[np.argsort(hashes, kind="stable")[:count]]


def _rows_of(task: Task, rows: np.ndarray) -> Task:
    return replace(
        task,
        pixels=np.ascontiguousarray(task.pixels[rows]),
        true=task.true[rows],
        groups=task.groups[rows],
        human_labels={by: labels[rows] for by, labels in task.human_labels.items()},
        is_test=None if task.is_test is None else task.is_test[rows],
    )
