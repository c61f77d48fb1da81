"""Linear classifiers for soft labels (rows of probabilities): logistic regression, ridge regression, and their mean.

scikit-learn's `LogisticRegression` takes hard labels only; a weighted row per sample and class would multiply its cost.
Each of the two is the better one somewhere: ridge regression with two classes and wrong labels on ambiguous images,
logistic regression with many classes. Their mean is nearly as good as the better one, or better.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

_MAX_STEPS = 200
_TOLERANCE = 1e-4
"""Of the gradient, in nats per sample and unit of the preconditioned coefficients."""
_MIN_RIDGE_VALUE = 1e-3
"""Lower bound of the ridge regression's output for a class, before normalisation."""


@dataclass(frozen=True)
class SoftLogistic:
    """A fitted multinomial logistic regression."""

    coefficients: np.ndarray
    """(D + 1, K) float32, the intercepts last."""

    def predict_probs(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities (N, K) float32 for features (N, D) float32."""
        return _softmax(features @ self.coefficients[:-1] + self.coefficients[-1])


@dataclass(frozen=True)
class SoftRidge:
    """A fitted ridge regression on class indicators.

    Its loss is bounded for a wrong label, unlike that of logistic regression, so wrong labels weigh less.
    Source: Hui and Belkin 2021, "Evaluation of Neural Architectures Trained with Square Loss vs Cross-Entropy".
    """

    coefficients: np.ndarray
    """(D + 1, K) float32, the intercepts last."""

    def predict_probs(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities (N, K) float32 for features (N, D) float32: the regression's output, clipped from below
        and normalised."""
        values = np.maximum(features @ self.coefficients[:-1] + self.coefficients[-1], _MIN_RIDGE_VALUE)
        return values / values.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class SoftClassifier:
    """A fitted pair, which predicts the mean of both."""

    logistic: SoftLogistic
    ridge: SoftRidge

    def predict_probs(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities (N, K) float32 for features (N, D) float32."""
        return (self.logistic.predict_probs(features) + self.ridge.predict_probs(features)) / 2


@dataclass(frozen=True)
class Penalties:
    """The L2 penalties of a pair."""

    strength: float
    """Inverse strength of the logistic regression's penalty, as scikit-learn's C."""
    ridge: float
    """Strength of the ridge regression's penalty, as scikit-learn's alpha."""


def fit_soft_classifier(
    features: np.ndarray, targets: np.ndarray, penalties: Penalties, start: SoftClassifier | None = None
) -> SoftClassifier:
    """Fit both. Arguments as for `fit_soft_logistic`."""
    return SoftClassifier(
        fit_soft_logistic(
            features, targets, regularisation=penalties.strength, start=None if start is None else start.logistic
        ),
        fit_soft_ridge(features, targets, penalty=penalties.ridge),
    )


def fit_soft_logistic(
    features: np.ndarray, targets: np.ndarray, *, regularisation: float, start: SoftLogistic | None = None
) -> SoftLogistic:
    """Minimise the cross-entropy with an L2 penalty on all coefficients but the intercepts.

    features: (N, D) float32, preferably principal components: on those the fit takes a tenth of the steps. targets:
    (N, K) float, at least 0, each row a sample's soft label times its weight. regularisation: inverse strength of the
    penalty, above 0, as scikit-learn's C. start: a model to start from; it saves time and doesn't change the result
    beyond the tolerance.
    """
    num_classes = targets.shape[1]
    targets = targets.astype(np.float32)
    weights = targets.sum(axis=1, keepdims=True)
    inputs = np.concatenate([features, np.ones((len(features), 1), dtype=np.float32)], axis=1)
    penalty = np.full((inputs.shape[1], 1), 1 / regularisation)
    penalty[-1] = 0
    # The curvature along each axis at uniform probabilities: on principal axes it is nearly diagonal.
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


def fit_soft_ridge(features: np.ndarray, targets: np.ndarray, *, penalty: float) -> SoftRidge:
    """Minimise the squared error with an L2 penalty on all coefficients but the intercepts.

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


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
