"""The classifier of the refinement: logistic and ridge regression on the same soft labels, and the mean of both.

Each is the better one somewhere: ridge with two classes and labels that are wrong where images are unclear, logistic
regression with many classes. Their mean is nearly as good as the better one, or better.
"""

from dataclasses import dataclass

import numpy as np

from overread.detection.soft_logistic import SoftLogistic, fit_soft_logistic
from overread.detection.soft_ridge import SoftRidge, fit_soft_ridge


@dataclass(frozen=True)
class Penalties:
    """How strongly both are held back."""

    strength: float
    """Inverse strength of the logistic regression's L2 penalty, as scikit-learn's C."""
    ridge: float
    """The ridge regression's L2 penalty, as scikit-learn's alpha."""


@dataclass(frozen=True)
class SoftClassifier:
    """A fitted pair."""

    logistic: SoftLogistic
    ridge: SoftRidge

    def predict_probs(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities (N, K) float32 of features (N, D) float32."""
        return (self.logistic.predict_probs(features) + self.ridge.predict_probs(features)) / 2


def fit_soft_classifier(
    features: np.ndarray, targets: np.ndarray, penalties: Penalties, start: SoftClassifier | None = None
) -> SoftClassifier:
    """Both, fitted to soft labels times weights (N, K). start: a pair to begin from, which changes the time alone."""
    return SoftClassifier(
        fit_soft_logistic(
            features, targets, regularisation=penalties.strength, start=None if start is None else start.logistic
        ),
        fit_soft_ridge(features, targets, penalty=penalties.ridge),
    )
