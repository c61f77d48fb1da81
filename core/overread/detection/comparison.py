"""Tests whether a run after review is better than the previous run, on decided samples held out from its training."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from overread.proposal_settings import ComparisonSettings

SHARE_LOCKED = 3
"""One in so many groups is locked. Not a setting: a study's runs can be compared only if they all lock the same."""


@dataclass(frozen=True)
class Figure:
    """One measure of both runs, on the same samples."""

    before: float
    after: float
    low: float
    high: float
    """[low, high]: 95 % confidence interval of the difference, after minus before."""


@dataclass(frozen=True)
class Comparison:
    """What the locked samples say."""

    outcome: str
    """too_few: too few samples; worse: by more than the margin in one of the figures; better: beyond chance in one, and
    worse in none; alike: none of these."""
    num_samples: int
    num_wrong: int
    """How many of them have a given label that was found to be wrong."""
    average_precision: Figure | None
    """Of ranking wrong labels first, in [0, 1], higher is better. None, as `brier`, if there are too few samples."""
    brier: Figure | None
    """Mean squared difference of probability and verdict, in [0, 1], lower is better."""


def locked_samples(sample_ids: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(N,) bool: a third of the groups, whose verdicts are held back to compare runs on.

    sample_ids: (N,) str; groups: (N,) int64. It depends on the ids alone, which are keyed hashes: a sample is locked in
    every run or in none.
    """
    _, places = np.unique(groups, return_inverse=True)
    first: dict[int, str] = {}
    for place, sample_id in zip(places.tolist(), sample_ids, strict=True):
        first[place] = min(sample_id, first.get(place, sample_id))
    is_locked = {
        place: int(hashlib.sha256(f"locked\n{sample_id}".encode()).hexdigest(), 16) % SHARE_LOCKED == 0
        for place, sample_id in first.items()
    }
    return np.array([is_locked[place] for place in places.tolist()], dtype=bool)


def compare_runs(
    before: np.ndarray,
    after: np.ndarray,
    is_error: np.ndarray,
    groups: np.ndarray,
    settings: ComparisonSettings,
    *,
    seed: int = 0,
) -> Comparison:
    """Compare two runs on the locked samples.

    before, after: (M,) float in [0, 1], their label-error probabilities; is_error: (M,) bool, whether the given label
    was found to be wrong; groups: (M,) int64, the units of the bootstrap for the intervals.
    """
    num_samples, num_wrong = len(is_error), int(is_error.sum())
    if num_samples < settings.min_samples or min(num_wrong, num_samples - num_wrong) < settings.min_of_each:
        return Comparison("too_few", num_samples, num_wrong, None, None)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    rng = np.random.default_rng(seed)
    draws = (rng.integers(0, len(members), len(members)) for _ in range(settings.num_resamples))
    resamples = [np.concatenate([members[i] for i in draw]) for draw in draws]

    def figure(measure: Callable[[np.ndarray, np.ndarray], float], usable: list[np.ndarray]) -> Figure:
        differences = [
            measure(is_error[places], after[places]) - measure(is_error[places], before[places]) for places in usable
        ]
        low, high = np.quantile(differences, (0.025, 0.975))
        return Figure(float(measure(is_error, before)), float(measure(is_error, after)), float(low), float(high))

    both_kinds = [places for places in resamples if 0 < is_error[places].sum() < len(places)]
    precision = figure(_average_precision, both_kinds)
    brier = figure(lambda errors, scores: float(((scores - errors) ** 2).mean()), resamples)
    loss = max(precision.before - precision.after, brier.after - brier.before)
    is_beyond_chance = precision.low > 0 or brier.high < 0
    outcome = "worse" if loss > settings.margin else "better" if is_beyond_chance else "alike"
    return Comparison(outcome, num_samples, num_wrong, precision, brier)


def _average_precision(is_error: np.ndarray, scores: np.ndarray) -> float:
    """As scikit-learn's, which spends half a millisecond on checking its arguments: too slow for many resamples."""
    order = np.argsort(-scores)
    found, falling = is_error[order].cumsum(), scores[order]
    last = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    precision = found[last] / (last + 1)
    return float((np.diff(found[last], prepend=0) * precision).sum() / found[-1])
