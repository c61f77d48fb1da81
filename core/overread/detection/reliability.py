"""How well a run's label-error probabilities are calibrated, measured on verdicts: as they are, and recalibrated."""

from dataclasses import dataclass

import numpy as np

from overread.detection.calibration import recalibrated
from overread.metrics import ReliabilityCurve, expected_calibration_error, reliability_curve

MIN_VERDICTS = 20
"""With fewer, neither a curve nor a recalibration says anything; with 20, a share is known to within about 0.2."""
VERDICTS_PER_BIN = 10
MAX_BINS = 6
NUM_FOLDS = 10
NUM_DRAWS = 200


@dataclass(frozen=True)
class Reliability:
    """Predicted and observed shares of wrong labels among the decided samples."""

    curve: ReliabilityCurve
    calibration_error: float
    """Expected calibration error over the bins of `curve`, in [0, 1], 0 is best."""
    chance_error: float
    """Its mean if every probability were true: with few verdicts it is far from 0."""


def reliability(probability: np.ndarray, is_error: np.ndarray, *, seed: int = 0) -> Reliability:
    """Calibration on M >= 1 decided samples.

    probability: (M,) float in [0, 1]; is_error: (M,) bool, whether the label was found to be wrong. Bins hold equal
    numbers of samples: one bin per ten verdicts, six at most, so that chance plays a smaller part in the error.
    """
    num_bins = min(MAX_BINS, max(1, len(is_error) // VERDICTS_PER_BIN))
    drawn = np.random.default_rng(seed).random((NUM_DRAWS, len(is_error))) < probability
    return Reliability(
        curve=reliability_curve(is_error, probability, num_bins),
        calibration_error=expected_calibration_error(is_error, probability, num_bins),
        chance_error=float(np.mean([expected_calibration_error(row, probability, num_bins) for row in drawn])),
    )


def held_out_recalibrated(probability: np.ndarray, is_error: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """(M,) float64 in [0, 1]: the decided samples' probabilities, each recalibrated on the other folds' verdicts only,
    so that the recalibration is not measured on what it was fitted to. Arguments as for `reliability`."""
    num = len(is_error)
    fold = np.random.default_rng(seed).permutation(num) % NUM_FOLDS
    result = np.empty(num)
    for held_out in range(min(NUM_FOLDS, num)):
        is_held_out = fold == held_out
        result[is_held_out] = recalibrated(probability, np.flatnonzero(~is_held_out), is_error[~is_held_out])[
            is_held_out
        ]
    return result
