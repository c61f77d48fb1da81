"""Raters who use a class far less than the others do on the same images, or never.

On each unit (a patient, a slide, near-duplicates) a rater is compared with those who rated the same images of it. If
all of them rate alike, the rater's own count of a class there is as probable as each other's; summed over the units,
its distribution is a convolution, and the chance of so small a sum is exact. A patient's images are taken together, so
that images which are alike prove no more than one. The false discovery rate is that of Benjamini and Hochberg.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from overread.checks.agreement import rating_codes
from overread.checks.agreement_coefficients import MISSING
from overread.records import Finding

MAX_SHARE = 0.5
"""Of the others' use, from which on a difference is too small to tell of."""
MIN_EXPECTED = 5.0
"""Uses by the others on the same images, below which nothing is tested."""
MAX_FALSE_RATE = 0.01


@dataclass(frozen=True, slots=True)
class RareClass:
    """A class that a rater uses less than the others."""

    rater: str
    class_name: str
    num_used: int
    expected: float
    """How often the others used it on the same images, on average of them."""
    num_images: int
    chance: float
    """Of so few, if all rate alike."""


def rare_classes(
    raters: Sequence[str], ratings: np.ndarray, units: np.ndarray, classes: Sequence[str]
) -> list[RareClass]:
    """The least used first, in proportion.

    ratings: (N, R) int64, class indices or `MISSING`; units: (N,) int64, equal for samples that are not independent.
    """
    members = [np.flatnonzero(units == unit) for unit in np.unique(units[(ratings != MISSING).sum(axis=1) > 1])]
    tested: list[RareClass] = []
    for place, name in enumerate(raters):
        for number, class_name in enumerate(classes):
            tested.append(_tested(name, class_name, [_counts(ratings[rows], place, number) for rows in members]))
    chances = np.sort([each.chance for each in tested])
    passed = np.flatnonzero(chances <= MAX_FALSE_RATE * np.arange(1, len(tested) + 1) / max(len(tested), 1))
    limit = chances[passed[-1]] if len(passed) else -1.0
    return sorted((each for each in tested if each.chance <= limit), key=lambda each: each.num_used / each.expected)


def _counts(ratings: np.ndarray, place: int, number: int) -> tuple[int, np.ndarray, int]:
    """Of one unit: the rater's count of the class, those of all who rated the same images (the rater's own first), and
    the number of these images. ratings: (M, R)."""
    own = ratings[ratings[:, place] != MISSING]
    # Images that nobody else rated say nothing.
    own = own[(own != MISSING).sum(axis=1) > 1]
    is_present = (own != MISSING).all(axis=0)
    is_present[place] = False
    counts = (own[:, is_present] == number).sum(axis=0)
    used = int((own[:, place] == number).sum())
    return used, np.r_[used, counts], len(own) if len(counts) else 0


def _tested(name: str, class_name: str, by_unit: list[tuple[int, np.ndarray, int]]) -> RareClass:
    """The effect and its chance; 1 where the effect is too small to tell of."""
    compared = [each for each in by_unit if each[2]]
    used = sum(own for own, *_ in compared)
    expected = float(sum(counts[1:].mean() for _, counts, _ in compared))
    chance = 1.0
    if expected >= MIN_EXPECTED and used < MAX_SHARE * expected:
        chance = _chance(used, [counts for _, counts, _ in compared])
    return RareClass(name, class_name, used, expected, sum(num for *_, num in compared), chance)


def _chance(used: int, by_unit: list[np.ndarray]) -> float:
    """That the sum over the units of one count each, drawn evenly, is `used` at most."""
    # Sums above it never come back: they need no place.
    probs = np.zeros(used + 1)
    probs[0] = 1.0
    for counts in by_unit:
        if counts.any():
            steps = np.bincount(counts) / len(counts)
            probs = np.convolve(probs, steps)[: used + 1]
    return float(probs.sum())


def rare_class_text(found: RareClass) -> str:
    """What a rater does less than the others, in a sentence."""
    often = "never uses" if not found.num_used else f"uses {found.num_used:,} times"
    return (
        f"{found.rater} {often} {found.class_name} on {found.num_images:,} images on which the others use it about "
        f"{found.expected:,.0f} times"
    )


def check_class_use(
    samples: pd.DataFrame, raters: Sequence[str], units: np.ndarray, classes: Sequence[str]
) -> list[Finding]:
    """A warning for each rater and class. samples: samples.csv, with the raters' columns."""
    found = rare_classes(raters, rating_codes(samples, raters, classes), units, classes)
    return [Finding("rare_class", "warning", each.num_images, rare_class_text(each)) for each in found]
