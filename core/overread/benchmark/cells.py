"""The noisy labels: which noises each task uses, and the labels that they produce.

A regime, one of `regimes.REGIMES`, is asked for like a noise and may also choose images and their groups.
"""

import zlib
from collections.abc import Sequence

import numpy as np

from overread.benchmark.noise import add_noise
from overread.benchmark.regimes import REGIMES, Cell, whole_cell
from overread.benchmark.tasks import HUMAN_LABELS, Task
from overread.errors import ConfigError

MADE = {
    **{f"idn{percent}": ("idn", percent / 100) for percent in (10, 20, 30, 40)},
    **{f"boundary{percent}": ("boundary", percent / 100) for percent in (10, 20, 30)},
}
"""Noises that are made: kind and rate, as `add_noise` takes them."""
_NOT_DEFAULT = ("boundary30",)
HUMAN = "human"
"""Stands for all the human labels that a task has."""
ALL_REGIMES = "regimes"
"""Stands for all regimes that are made of a task."""
_SMALL_PX = 32


def noises_of(task: Task, asked: Sequence[str] | None = None) -> list[str]:
    """The names of a task's noises. Not asked: what people said where they said anything, else all made ones.

    Of those asked, human labels and regimes are left out where the task has none. Raises ConfigError for an unknown
    name.
    """
    if asked is None:
        return list(task.human_labels) or [name for name in MADE if name not in _NOT_DEFAULT]
    names, regimes = [], REGIMES.get(task.name, {})
    of_any_task = {name for of_task in REGIMES.values() for name in of_task}
    for name in asked:
        if name == HUMAN:
            names += list(task.human_labels)
        elif name == ALL_REGIMES:
            names += list(regimes)
        elif name in MADE or name in task.human_labels or name in regimes:
            names.append(name)
        elif name not in HUMAN_LABELS and name not in of_any_task:
            known = ", ".join([*MADE, HUMAN, *HUMAN_LABELS, ALL_REGIMES, *sorted(of_any_task)])
            raise ConfigError(f"--noise {name}: unknown value; choose from {known}")
    return names


def make_cell(task: Task, noise: str, seed: int) -> Cell:
    """The images and given labels of a cell: all images but in a regime. The same task, noise and seed give the same;
    human labels have no seed."""
    if noise in task.human_labels:
        return whole_cell(task, task.human_labels[noise])
    rng = np.random.default_rng([zlib.crc32(f"{task.name} {noise}".encode()), seed])
    pixels = _small_pixels(task.pixels)
    if noise in REGIMES.get(task.name, {}):
        return REGIMES[task.name][noise](task, rng, pixels)
    kind, rate = MADE[noise]
    return whole_cell(task, add_noise(task.true, len(task.classes), kind, rate, rng, pixels))


def _small_pixels(pixels: np.ndarray) -> np.ndarray:
    """(N, D) float32 in [0, 1]: the images at 32 x 32 px as rows, each pixel the mean of those that it stands for."""
    num, size_px, _, channels = pixels.shape
    scale = size_px // _SMALL_PX
    blocks = pixels.reshape(num, _SMALL_PX, scale, _SMALL_PX, scale, channels)
    return blocks.mean(axis=(2, 4), dtype=np.float32).reshape(num, -1) / 255
