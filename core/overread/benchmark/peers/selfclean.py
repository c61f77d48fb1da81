"""SelfClean's label errors: the nearest image of another class against the nearest of the same.

Source: Gröger et al. 2023, "Intrinsic Self-Supervision for Data Quality Audits", "Label errors: intra-/extra-class
distance ratio"; the cut-off is that of its automatic cleaning.
"""

import numpy as np

from overread.benchmark.peers.cosine import similarity_blocks
from overread.benchmark.problem import MethodResult, Problem

CONTAMINATION = 0.01
SIGNIFICANCE = 0.05


def selfclean(problem: Problem) -> MethodResult:
    """Ranked by the ratio of the two distances; cut off where a logistic distribution leaves no room for so many."""
    quality, nearest_other = distance_ratio(problem.features, problem.given)
    return MethodResult(1 - quality, problem.given[nearest_other], is_outlying(quality))


def distance_ratio(features: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """extra² / (intra² + extra²), (N,) in [0, 1], low where the label is likely wrong, and the nearest sample of
    another class (N,) int64.

    intra, extra: the cosine distances to the nearest other sample of the same class and of another. A sample that
    is alone in its class takes the largest distance to the others for intra. Two classes at least.
    """
    intra = np.empty(len(given))
    extra = np.empty(len(given))
    nearest_other = np.empty(len(given), dtype=np.int64)
    for index, similarities in similarity_blocks(features):
        distances = 1 - similarities
        is_same = given[index][:, None] == given[None, :]
        to_others = np.where(is_same, np.inf, distances)
        nearest_other[index] = to_others.argmin(axis=1)
        extra[index] = to_others.min(axis=1)
        farthest = np.where(is_same, -np.inf, distances).max(axis=1)
        distances[np.arange(len(index)), index] = np.inf
        nearest_same = np.where(is_same, distances, np.inf).min(axis=1)
        intra[index] = np.where(np.isfinite(nearest_same), nearest_same, farthest)
    total = intra**2 + extra**2
    # Copies of one image with several labels: nothing speaks for any of them.
    return np.divide(extra**2, total, out=np.full(len(given), 0.5), where=total > 0), nearest_other


def is_outlying(quality: np.ndarray) -> np.ndarray:
    """(N,) bool: below what a logistic distribution, fitted to two low quantiles of the logits, allows for."""
    is_inside = (quality > 0) & (quality < 1)
    outlying = quality <= 0
    if not is_inside.any():
        return outlying
    logits = np.log(quality[is_inside] / (1 - quality[is_inside]))
    low, high = CONTAMINATION, np.sqrt(CONTAMINATION / 2)
    low_logit, high_logit = np.quantile(logits, [low, high])
    low_normal, high_normal = _logit(low), _logit(high)
    scale = (low_logit - high_logit) / (low_normal - high_normal)
    location = low_logit - scale * low_normal
    outlying[is_inside] = logits < location + scale * _logit(CONTAMINATION * SIGNIFICANCE)
    return outlying


def _logit(p: float) -> float:
    return float(np.log(p / (1 - p)))
