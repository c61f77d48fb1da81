"""How well a run's label-error probabilities are calibrated, measured on verdicts: as they are, and recalibrated."""

from dataclasses import dataclass

import numpy as np

from overread.detection.calibration import recalibrated
from overread.metrics import ReliabilityCurve, expected_calibration_error, reliability_curve
from overread.proposal_settings import CalibrationSettings

_NUM_DRAWS = 200
"""Of verdicts from the probabilities, for the error that chance makes."""


@dataclass(frozen=True)
class Reliability:
    """Predicted and observed shares of wrong labels among the decided samples."""

    curve: ReliabilityCurve
    calibration_error: float
    """Expected calibration error over the bins of `curve`, in [0, 1], 0 is best."""
    chance_error: float
    """Its mean if every probability were true: with few verdicts it is far from 0."""


def reliability(
    probability: np.ndarray, is_error: np.ndarray, settings: CalibrationSettings, *, seed: int = 0
) -> Reliability:
    """Calibration on M >= 1 decided samples.

    probability: (M,) float in [0, 1]; is_error: (M,) bool, whether the label was found to be wrong. Bins hold equal
    numbers of samples, `settings.verdicts_per_bin` or more, so that chance plays a smaller part in the error.
    """
    num_bins = min(settings.max_bins, max(1, len(is_error) // settings.verdicts_per_bin))
    drawn = np.random.default_rng(seed).random((_NUM_DRAWS, len(is_error))) < probability
    return Reliability(
        curve=reliability_curve(is_error, probability, num_bins),
        calibration_error=expected_calibration_error(is_error, probability, num_bins),
        chance_error=float(np.mean([expected_calibration_error(row, probability, num_bins) for row in drawn])),
    )


def held_out_recalibrated(
    probability: np.ndarray, is_error: np.ndarray, settings: CalibrationSettings, *, seed: int = 0
) -> np.ndarray:
    """(M,) float64 in [0, 1]: the decided samples' probabilities, each recalibrated on the other folds' verdicts only,
    so that the recalibration is not measured on what it was fitted to. Arguments as for `reliability`."""
    num = len(is_error)
    fold = np.random.default_rng(seed).permutation(num) % settings.num_folds
    result = np.empty(num)
    for held_out in range(min(settings.num_folds, num)):
        is_held_out = fold == held_out
        others = np.flatnonzero(~is_held_out)
        result[is_held_out] = recalibrated(probability, others, is_error[others], settings)[is_held_out]
    return result
