"""The kind of a proposal: another class fits, two classes fit, none fits, or a near-duplicate has another label."""

from enum import StrEnum

import numpy as np

from overread.proposal_settings import ProposalSettings

_SMALLEST = 1e-6


class Kind(StrEnum):
    RELABEL = "relabel"
    """Another class fits."""
    AMBIGUOUS = "ambiguous"
    """Two classes fit: the two most likely ones."""
    OUTLIER = "outlier"
    """No class fits: the image looks unlike the others."""
    DUPLICATE = "duplicate"
    """A near-duplicate has another label."""


def proposal_kinds(
    probs: np.ndarray,
    given: np.ndarray,
    proposed: np.ndarray,
    isolation: np.ndarray,
    duplicate_groups: np.ndarray,
    settings: ProposalSettings,
) -> np.ndarray:
    """(N,) object: the Kind of each sample whose proposed label differs from its given one, "" for the others. If
    several apply, the first of duplicate, outlier, ambiguous, relabel.

    probs: (N, K), p_<class>; given, proposed: (N,) int64; isolation: (N,) float, from `isolation`; duplicate_groups:
    (N,) int64, equal for near-duplicates, -1 for a sample without any.
    """
    highest = np.sort(probs, axis=1)[:, ::-1]
    is_ambiguous = highest[:, 1] >= settings.ambiguous_ratio * highest[:, 0]
    kinds = np.where(is_ambiguous, Kind.AMBIGUOUS, Kind.RELABEL).astype(object)
    kinds[isolation >= settings.min_isolation] = Kind.OUTLIER
    kinds[_has_conflict(given, duplicate_groups)] = Kind.DUPLICATE
    kinds[proposed == given] = ""
    return kinds


def isolation(similarities: np.ndarray, settings: ProposalSettings) -> np.ndarray:
    """How far each sample lies from the others, in robust standard deviations of the study's log distances, above 0 if
    further than the median: (N,) float64.

    similarities: (N, M) float in [-1, 1] to the nearest samples of other groups, falling, from `nearest_neighbours`.
    The one at `settings.isolation_neighbour` counts, or at a tenth of the study's size if that is less.
    """
    place = min(similarities.shape[1], settings.isolation_neighbour, max(len(similarities) // 10, 1)) - 1
    distance = np.log(np.maximum(1 - similarities[:, place].astype(np.float64), _SMALLEST))
    middle = np.median(distance)
    spread = 1.4826 * np.median(np.abs(distance - middle))  # the standard deviation of a normal distribution
    return (distance - middle) / max(spread, _SMALLEST)


def isolation_score(deviations: np.ndarray, settings: ProposalSettings) -> np.ndarray:
    """Isolation as a score: (N,) float32 in (0, 1), 1/2 at `settings.min_isolation`; high where the image may not
    belong in the study, whatever its label. deviations: from `isolation`."""
    return (1 / (1 + np.exp((settings.min_isolation - deviations).clip(-50, 50)))).astype(np.float32)


def _has_conflict(given: np.ndarray, duplicate_groups: np.ndarray) -> np.ndarray:
    """(N,) bool: whether a near-duplicate has another label."""
    lowest: dict[int, int] = {}
    highest: dict[int, int] = {}
    for group, label in zip(duplicate_groups.tolist(), given.tolist(), strict=True):
        lowest[group] = min(lowest.get(group, label), label)
        highest[group] = max(highest.get(group, label), label)
    conflicting = [group for group in lowest if group >= 0 and lowest[group] < highest[group]]
    return np.isin(duplicate_groups, conflicting)
