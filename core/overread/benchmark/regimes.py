"""The regimes: labels wrong in ways that break a noise model's assumptions, each made from a task with true labels.

Each regime takes some images of a task, with whole groups where it says so, and makes labels for them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from overread.benchmark.noise import add_noise, symmetric
from overread.benchmark.tasks import Task

_NUM_CLUSTERS = 24
_NUM_COMPONENTS = 30


@dataclass(frozen=True)
class Cell:
    """Images of a task and the labels that are made for them."""

    rows: np.ndarray
    """(M,) int64 dataset indices, rising."""
    true: np.ndarray
    """(M,) int64 in [0, num_classes)."""
    given: np.ndarray
    """(M,) int64 in [0, num_classes)."""
    groups: np.ndarray
    """(M,) int64, equal for images of one patient, slide or picture."""
    num_classes: int


def whole_cell(task: Task, given: np.ndarray) -> Cell:
    """All images of a task, with the labels `given`, (N,) int64."""
    return Cell(np.arange(len(given)), task.true, given, task.groups, len(task.classes))


MakeRegime = Callable[[Task, np.random.Generator, np.ndarray], Cell]
"""Takes the task, a source of chance and small images as rows, (N, D)."""


def _unchanged(task: Task, rng: np.random.Generator, pixels: np.ndarray) -> Cell:
    return whole_cell(task, task.true.copy())


def _one_sided(task: Task, rng: np.random.Generator, pixels: np.ndarray, *, source: int, rate: float) -> Cell:
    """The share `rate` of class `source` has the label of the next class."""
    is_wrong = (task.true == source) & (rng.random(len(task.true)) < rate)
    return whole_cell(task, np.where(is_wrong, (source + 1) % len(task.classes), task.true))


def _batch(task: Task, rng: np.random.Generator, pixels: np.ndarray) -> Cell:
    """All images of one class in a cluster of images that look alike have the label of the next class.

    The cluster is drawn among those with 2 to 8 % of the images.
    """
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    seed = int(rng.integers(2**31))
    places = PCA(_NUM_COMPONENTS, random_state=seed).fit_transform(pixels)
    cluster = KMeans(_NUM_CLUSTERS, n_init=1, random_state=seed).fit_predict(places)
    batch = cluster * len(task.classes) + task.true
    numbers, counts = np.unique(batch, return_counts=True)
    share = counts / len(batch)
    chosen = rng.choice(numbers[(share > 0.02) & (share < 0.08)])
    return whole_cell(task, np.where(batch == chosen, (task.true + 1) % len(task.classes), task.true))


def _swapped_site(task: Task, rng: np.random.Generator, pixels: np.ndarray) -> Cell:
    """Two sites; at the smaller, with a third of the groups, the first two classes are swapped."""
    groups = np.unique(task.groups)
    is_swapped = np.isin(task.groups, groups[rng.random(len(groups)) < 1 / 3])
    return whole_cell(task, np.where(is_swapped & (task.true < 2), 1 - task.true, task.true))


def _sized(task: Task, rng: np.random.Generator, pixels: np.ndarray, *, counts: tuple[int, ...], rate: float) -> Cell:
    """So many images of as many classes, in an order that is drawn, or of two from the last; symmetric noise."""
    classes = rng.permutation(len(task.classes)) if len(task.classes) > 2 else np.array([1, 0])
    of_class = [
        rng.permutation(np.flatnonzero(task.true == label))[:count]
        for label, count in zip(classes, counts, strict=False)
    ]
    return _drawn_classes(task, of_class, rng, rate)


def _hard_pair(task: Task, rng: np.random.Generator, pixels: np.ndarray, *, rate: float) -> Cell:
    """300 cats and 300 dogs, which the features hardly tell apart; boundary noise."""
    cats, dogs = (
        rng.permutation(np.flatnonzero(task.true == task.classes.index(name)))[:300] for name in ("cat", "dog")
    )
    rows = np.sort(np.concatenate([cats, dogs]))
    true = (task.true[rows] == task.classes.index("dog")).astype(np.int64)
    given = add_noise(true, 2, "boundary", rate, rng, pixels[rows]) if rate else true.copy()
    return Cell(rows, true, given, task.groups[rows], 2)


def _many_small(task: Task, rng: np.random.Generator, pixels: np.ndarray, *, rate: float) -> Cell:
    """24 classes of 20 images: eight classes, each in three: its darkest, middling and lightest images.

    They are drawn from the sixths of a class by mean brightness that lie at both ends and in the middle, so that no
    image is at a border.
    """
    brightness = pixels.mean(axis=1)
    of_class = []
    for label in rng.permutation(len(task.classes))[:8]:
        rows = np.flatnonzero(task.true == label)
        rows = rows[np.argsort(brightness[rows], kind="stable")]
        sixth, middle = len(rows) // 6, len(rows) // 2
        parts = (rows[:sixth], rows[middle - sixth // 2 : middle + sixth // 2], rows[-sixth:])
        of_class += [rng.permutation(part)[:20] for part in parts]
    return _drawn_classes(task, of_class, rng, rate)


def _small(task: Task, rng: np.random.Generator, pixels: np.ndarray) -> Cell:
    """80 images, a tenth of the labels wrong."""
    rows = np.sort(rng.permutation(len(task.true))[:80])
    return _noisy(task, rows, rng)


def _pure_groups(task: Task, rng: np.random.Generator, pixels: np.ndarray) -> Cell:
    """Five slides or patients, each of one class, a tenth of the labels wrong. Images of one group of the task stay in
    one."""
    of_group = rng.integers(0, 2**31, int(task.groups.max()) + 1)[task.groups]
    classes = np.arange(5) % len(task.classes)
    groups = np.zeros(len(task.true), dtype=np.int64)
    for label in range(len(task.classes)):
        places = np.flatnonzero(classes == label)
        is_class = task.true == label
        groups[is_class] = places[of_group[is_class] % len(places)]
    return replace(_noisy(task, np.arange(len(groups)), rng), groups=groups)


def _drawn_classes(task: Task, of_class: Sequence[np.ndarray], rng: np.random.Generator, rate: float) -> Cell:
    """Classes of these images, in this order, with symmetric noise."""
    rows = np.concatenate(of_class)
    true = np.repeat(np.arange(len(of_class)), [len(places) for places in of_class])
    order = np.argsort(rows)
    rows, true = rows[order], true[order]
    given = symmetric(true, len(of_class), rate, rng) if rate else true.copy()
    return Cell(rows, true, given, task.groups[rows], len(of_class))


def _noisy(task: Task, rows: np.ndarray, rng: np.random.Generator) -> Cell:
    true, num_classes = task.true[rows], len(task.classes)
    return Cell(rows, true, symmetric(true, num_classes, 0.1, rng), task.groups[rows], num_classes)


_ONE_SIDED: dict[str, MakeRegime] = {
    "missed30": partial(_one_sided, source=1, rate=0.3),
    "missed40": partial(_one_sided, source=1, rate=0.4),
    "invented30": partial(_one_sided, source=0, rate=0.3),
    "invented40": partial(_one_sided, source=0, rate=0.4),
    "half_class": partial(_one_sided, source=0, rate=0.5),
}
_COMMON: dict[str, MakeRegime] = {
    "unchanged": _unchanged,
    "batch": _batch,
    "swapped_site": _swapped_site,
    "small": _small,
    "pure_groups": _pure_groups,
}
REGIMES: dict[str, dict[str, MakeRegime]] = {
    "chest_xray": {**_ONE_SIDED, **_COMMON, "imbalanced": partial(_sized, counts=(1040, 10), rate=0.02)},
    "lung_histology": {"half_class": partial(_one_sided, source=0, rate=0.5), **_COMMON},
    "cifar10n": {
        "rare": partial(_sized, counts=(425, 425, 425, 425, 34), rate=0.1),
        "rare_unchanged": partial(_sized, counts=(425, 425, 425, 425, 34), rate=0.0),
        "few_of_each": partial(_sized, counts=(20,) * 10, rate=0.1),
        "few_of_each_unchanged": partial(_sized, counts=(20,) * 10, rate=0.0),
        "hard_pair_boundary10": partial(_hard_pair, rate=0.1),
        "hard_pair_boundary20": partial(_hard_pair, rate=0.2),
        "hard_pair_unchanged": partial(_hard_pair, rate=0.0),
        "many_small": partial(_many_small, rate=0.1),
        "many_small_unchanged": partial(_many_small, rate=0.0),
    },
    "demo_tiles": {"unchanged": _unchanged, "small": _small},
}
"""By task: the regimes, by name."""
MEANINGS = {
    "missed": "30 or 40 % of the X-rays with pneumonia have the other label",
    "invented": "30 or 40 % of those without pneumonia have the other label",
    "half_class": "half of one class has the label of the next",
    "batch": "all images of one class in a cluster that looks alike have the label of the next",
    "swapped_site": "at a site with a third of the patients or pictures, two classes are swapped",
    "imbalanced": "1,040 images of one class and 10 of the other, 2 % wrong",
    "pure_groups": "five patients or slides of one class each, 10 % wrong",
    "small": "80 images, 10 % wrong",
    "rare": "five classes, one of them 2 % of 1,734 images, 10 % wrong",
    "few_of_each": "ten classes of 20 images, 10 % wrong",
    "hard_pair": "300 cats and 300 dogs, boundary noise of 10 or 20 %",
    "many_small": "24 classes of 20 images, 10 % wrong. No set here has so many classes, so they are made: eight of "
    "CIFAR-10's, each in three, from the darkest, the middle and the lightest sixth of its images by mean brightness",
    "unchanged": "no label is wrong",
}
"""What the names of regimes stand for."""
