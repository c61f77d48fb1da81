"""How far a run's label-error probabilities can be believed, measured on verdicts: as they are, and recalibrated."""

from dataclasses import dataclass

import numpy as np

from overread.detection.calibration import recalibrated
from overread.metrics import ReliabilityCurve, expected_calibration_error, reliability_curve

MIN_VERDICTS = 20
"""Below this, neither a curve nor a correction says anything: with 20, a share still is known to about 0.2 only."""
VERDICTS_PER_BIN = 10
MAX_BINS = 6
NUM_FOLDS = 10
NUM_DRAWS = 200


@dataclass(frozen=True)
class Reliability:
    """Promised and found shares of wrong labels among the decided samples."""

    curve: ReliabilityCurve
    calibration_error: float
    """Of the bins of `curve`: the mean distance of the promised from the found share, in [0, 1], 0 is best."""
    chance_error: float
    """What that distance is on the mean where every probability is true: with few verdicts it is far from 0."""


def reliability(probability: np.ndarray, is_error: np.ndarray, *, seed: int = 0) -> Reliability:
    """probability: (M,) float in [0, 1]; is_error: (M,) bool, M >= 1: whether the verdict found the label wrong. The
    bins are of equal mass, one for every ten verdicts and at most six: an error over fuller bins is less of chance."""
    num_bins = min(MAX_BINS, max(1, len(is_error) // VERDICTS_PER_BIN))
    drawn = np.random.default_rng(seed).random((NUM_DRAWS, len(is_error))) < probability
    return Reliability(
        curve=reliability_curve(is_error, probability, num_bins),
        calibration_error=expected_calibration_error(is_error, probability, num_bins),
        chance_error=float(np.mean([expected_calibration_error(row, probability, num_bins) for row in drawn])),
    )


def held_out_recalibrated(probability: np.ndarray, is_error: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """(M,) float64 in [0, 1]: the decided samples' probabilities, each corrected by the verdicts of the other folds
    alone, as a correction would otherwise be praised for what it was fitted to. Arguments as for `reliability`."""
    num = len(is_error)
    fold = np.random.default_rng(seed).permutation(num) % NUM_FOLDS
    result = np.empty(num)
    for held_out in range(min(NUM_FOLDS, num)):
        is_held_out = fold == held_out
        result[is_held_out] = recalibrated(probability, np.flatnonzero(~is_held_out), is_error[~is_held_out])[
            is_held_out
        ]
    return result
