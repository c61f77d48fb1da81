"""What a proposal is: another class fits, two fit, none fits, or the same picture stands under another label."""

from enum import StrEnum

import numpy as np

NUM_ISOLATION = 60
"""The neighbour to which a sample's distance tells how far it lies from the rest of the study: beyond a few dozen
images of another kind, which are close to each other."""
MIN_ISOLATION = 3.0
"""Robust standard deviations above the study's middle, from which on a sample looks like nothing else in it."""
MIN_SECOND = 0.5
"""The second class fits too where it has this share of the likeliest one's probability."""
_SMALLEST = 1e-6


class Kind(StrEnum):
    RELABEL = "relabel"
    """Another class fits."""
    AMBIGUOUS = "ambiguous"
    """Two classes fit: the two of highest probability."""
    OUTLIER = "outlier"
    """No class fits: it looks unlike the other samples."""
    DUPLICATE = "duplicate"
    """An image of the same picture has another label."""


def proposal_kinds(
    probs: np.ndarray, given: np.ndarray, proposed: np.ndarray, isolation: np.ndarray, pictures: np.ndarray
) -> np.ndarray:
    """(N,) object: the Kind of each sample whose proposed label differs from its given one, "" for the others. Of
    several that hold the first of duplicate, outlier, ambiguous, relabel.

    probs: (N, K), p_<class>; given, proposed: (N,) int64; isolation: (N,) float, of `isolation`; pictures: (N,)
    int64, equal for samples that show the same picture, -1 for one alone.
    """
    highest = np.sort(probs, axis=1)[:, ::-1]
    kinds = np.where(highest[:, 1] >= MIN_SECOND * highest[:, 0], Kind.AMBIGUOUS, Kind.RELABEL).astype(object)
    kinds[isolation >= MIN_ISOLATION] = Kind.OUTLIER
    kinds[_has_conflict(given, pictures)] = Kind.DUPLICATE
    kinds[proposed == given] = ""
    return kinds


def isolation(similarities: np.ndarray) -> np.ndarray:
    """How far each sample lies from the rest, in robust standard deviations of the study's logarithmic distances,
    above 0 where farther than the middle one: (N,) float64.

    similarities: (N, M) float in [-1, 1] to the nearest samples of other groups, falling, as `nearest_neighbours` gives
    them: the last of the first NUM_ISOLATION counts, or the tenth part of the study's where that is less.
    """
    place = min(similarities.shape[1], NUM_ISOLATION, max(len(similarities) // 10, 1)) - 1
    distance = np.log(np.maximum(1 - similarities[:, place].astype(np.float64), _SMALLEST))
    middle = np.median(distance)
    spread = 1.4826 * np.median(np.abs(distance - middle))  # a standard deviation, were they normal
    return (distance - middle) / max(spread, _SMALLEST)


def isolation_score(deviations: np.ndarray) -> np.ndarray:
    """Isolation as a score: (N,) float32 in (0, 1), 1/2 at MIN_ISOLATION. High where the image may not belong into the
    study, whatever its label. deviations: of `isolation`."""
    return (1 / (1 + np.exp((MIN_ISOLATION - deviations).clip(-50, 50)))).astype(np.float32)


def _has_conflict(given: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """(N,) bool: whether another image of the same picture has another label."""
    lowest, highest = {}, {}
    for picture, label in zip(pictures.tolist(), given.tolist(), strict=True):
        lowest[picture] = min(lowest.get(picture, label), label)
        highest[picture] = max(highest.get(picture, label), label)
    conflicting = [picture for picture in lowest if picture >= 0 and lowest[picture] < highest[picture]]
    return np.isin(pictures, conflicting)
