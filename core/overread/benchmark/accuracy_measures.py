"""What a trained classifier is worth: on test images with true labels, and for finding wrong labels."""

from typing import Any

import numpy as np

from overread.metrics import expected_calibration_error, ranking_metrics, recall_at_budget, reliability_curve

SHARES_READ = (0.05, 0.1, 0.2, 0.3, 0.5)
NUM_BINS = 8


def accuracy_measures(
    probs: np.ndarray, true: np.ndarray, given: np.ndarray, is_trained: np.ndarray, is_test: np.ndarray
) -> dict[str, Any]:
    """All values are rounded, and None where they are not defined.

    accuracy: the share of test images whose likeliest class is the true one. average_precision, errors_found: for
    finding wrong labels among the training ones, ranked by 1 - p of the given label; the share of them found after
    reading SHARES_READ of the images. calibration_error, reliability: of the confidence on test images; for each bin
    the mean confidence and the accuracy. probs: (N, K), of the last epoch; true, given: (N,) int64.
    """
    of_test = probs[is_test]
    is_right = of_test.argmax(axis=1) == true[is_test]
    confidence = np.clip(of_test.max(axis=1), 0, 1)
    curve = reliability_curve(is_right, confidence, NUM_BINS)
    is_error = (given != true)[is_trained]
    doubt = 1 - probs[is_trained, given[is_trained]]
    values = {
        "num_trained": int(is_trained.sum()),
        "num_test": int(is_test.sum()),
        "num_errors": int(is_error.sum()),
        "majority": float(np.bincount(true[is_test]).max() / is_test.sum()),
        "accuracy": float(is_right.mean()),
        "average_precision": ranking_metrics(is_error, doubt)[0],
        "errors_found": [recall_at_budget(is_error, doubt, share) for share in SHARES_READ],
        "calibration_error": expected_calibration_error(is_right, confidence, NUM_BINS),
        "reliability": np.stack([curve.mean_probability, curve.error_rate], axis=1).tolist(),
    }
    return {name: _rounded(value) for name, value in values.items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    if isinstance(value, float):
        return None if np.isnan(value) else round(value, 4)
    return value
