"""Multinomial logistic regression on soft labels: rows of probabilities instead of one class each.

scikit-learn's takes hard labels only, and a row for every class of every sample would multiply its work.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

_MAX_STEPS = 200
_TOLERANCE = 1e-4
"""Of the gradient, in nats per sample and unit of the preconditioned coefficients."""


@dataclass(frozen=True)
class SoftLogistic:
    """A fitted model."""

    coefficients: np.ndarray
    """(D + 1, K) float32, the intercepts last."""

    def predict_probs(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities (N, K) float32 of features (N, D) float32."""
        return _softmax(features @ self.coefficients[:-1] + self.coefficients[-1])


def fit_soft_logistic(
    features: np.ndarray, targets: np.ndarray, *, regularisation: float, start: SoftLogistic | None = None
) -> SoftLogistic:
    """The model of least cross-entropy, with an L2 penalty on all but the intercepts.

    features: (N, D) float32, best on their principal axes, where the fit takes a tenth of the steps; targets: (N, K)
    float, at least 0, each row a sample's soft label times its weight; regularisation: inverse strength of the
    penalty, above 0, as scikit-learn's C; start: a model to begin from, which changes the time it takes and nothing
    else.
    """
    num_classes = targets.shape[1]
    targets = targets.astype(np.float32)
    weights = targets.sum(axis=1, keepdims=True)
    inputs = np.concatenate([features, np.ones((len(features), 1), dtype=np.float32)], axis=1)
    penalty = np.full((inputs.shape[1], 1), 1 / regularisation)
    penalty[-1] = 0
    # The curvature along each axis where all classes are as likely: principal axes make it nearly diagonal.
    spread = 1 / num_classes * (1 - 1 / num_classes)
    scale = 1 / np.sqrt(penalty + spread * (weights * inputs**2).sum(axis=0)[:, None] + 1e-6)
    num_samples = max(float(weights.sum()), 1e-6)

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        coefficients = flat.reshape(-1, num_classes) * scale
        logits = inputs @ coefficients.astype(np.float32)
        logits -= logits.max(axis=1, keepdims=True)
        exponentials = np.exp(logits)
        totals = exponentials.sum(axis=1, keepdims=True)
        loss = float((weights * np.log(totals)).sum() - (targets * logits).sum())
        gradient = inputs.T @ (weights * exponentials / totals - targets)
        loss += float((penalty * coefficients**2).sum()) / 2
        gradient = (gradient + penalty * coefficients) * scale
        return loss / num_samples, (gradient / num_samples).ravel()

    first = np.zeros((inputs.shape[1], num_classes)) if start is None else start.coefficients / scale
    options = {"maxiter": _MAX_STEPS, "gtol": _TOLERANCE / np.sqrt(num_samples), "ftol": 1e-9}
    found = minimize(objective, first.ravel(), jac=True, method="L-BFGS-B", options=options)
    return SoftLogistic((found.x.reshape(-1, num_classes) * scale).astype(np.float32))


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
