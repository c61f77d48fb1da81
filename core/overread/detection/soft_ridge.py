"""Ridge regression on soft labels as a classifier: the squared error of a class's indicator, cut off at 0.

Its errors are bounded where those of a logistic regression grow without end, so a wrong label weighs less.
Source: Hui and Belkin 2021, "Evaluation of Neural Architectures Trained with Square Loss vs Cross-Entropy".
"""

from dataclasses import dataclass

import numpy as np

_SMALLEST = 1e-3
"""Probability of a class that the regression holds for impossible."""


@dataclass(frozen=True)
class SoftRidge:
    """A fitted model."""

    coefficients: np.ndarray
    """(D + 1, K) float32, the intercepts last."""

    def predict_probs(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities (N, K) float32 of features (N, D) float32: what is regressed, cut off and normalised."""
        values = np.maximum(features @ self.coefficients[:-1] + self.coefficients[-1], _SMALLEST)
        return values / values.sum(axis=1, keepdims=True)


def fit_soft_ridge(features: np.ndarray, targets: np.ndarray, *, penalty: float) -> SoftRidge:
    """The model of least squared error, with an L2 penalty on all but the intercepts.

    features: (N, D) float32; targets: (N, K) float, at least 0, each row a sample's soft label times its weight;
    penalty: above 0, as scikit-learn's alpha.
    """
    targets = targets.astype(np.float32)
    weights = targets.sum(axis=1, keepdims=True)
    total = max(float(weights.sum()), 1e-6)
    centre, mean = (weights * features).sum(axis=0) / total, targets.sum(axis=0) / total
    inputs = features - centre
    gram = inputs.T @ (weights * inputs) + penalty * np.eye(features.shape[1], dtype=np.float32)
    slopes = np.linalg.solve(gram, inputs.T @ (targets - weights * mean))
    return SoftRidge(np.concatenate([slopes, (mean - centre @ slopes)[None]]).astype(np.float32))
