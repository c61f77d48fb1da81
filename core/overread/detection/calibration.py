"""Recalibration of label-error probabilities on readers' verdicts.

The calibration map is beta calibration: logit q = a ln p - b ln(1 - p) + c with a, b > 0, which never changes the
ranking. `c` raises or lowers all probabilities, `b` sets the slope near 1 and `a` near 0. A prior keeps all three near
the identity, so that a few verdicts change little.

Readers see samples of high probability. That needs no reweighting: which samples are read depends on p alone, and given
p the likelihood of the verdicts doesn't depend on how they were chosen, so weights would only add variance. It does
mean that low probabilities are hardly observed. There `a` stays near its prior, while `b` follows the verdicts. With
two parameters (Platt scaling), the slope found near 1 would also apply near 0, where most samples are.
Source: Kull, Silva Filho and Flach 2017, "Beta calibration".
"""

import numpy as np
from threadpoolctl import threadpool_limits

from overread.proposal_settings import CalibrationSettings

_SMALLEST = 1e-6


def recalibrated(
    probability: np.ndarray, places: np.ndarray, is_error: np.ndarray, settings: CalibrationSettings
) -> np.ndarray:
    """(N,) float64 in [0, 1]: the recalibrated probabilities, in the same ranking.

    probability: (N,) float in [0, 1], that the given label is wrong, by a model that did not see the verdicts. places:
    (M,) int64, the decided samples; is_error: (M,) bool, whether their given label was found to be wrong (yes if
    accepted or relabelled, no if rejected; "cannot judge" is neither). Without verdicts the probabilities are returned
    as they are. A decided sample gets its recalibrated probability too, not its verdict.
    """
    probability = np.asarray(probability, dtype=np.float64)
    if not len(places):
        return probability.copy()
    features = _features(probability)
    return _mapped(features, _fit(features[places], np.asarray(is_error, dtype=bool), np.array(settings.prior_spread)))


def _features(probability: np.ndarray) -> np.ndarray:
    """(N, 2): ln p and -ln(1 - p), both increasing in p."""
    inside = probability.clip(_SMALLEST, 1 - _SMALLEST)
    return np.stack([np.log(inside), -np.log1p(-inside)], axis=1)


def _mapped(features: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """(N,): probabilities from features (N, 2) and parameters (3,): ln a, ln b, c."""
    return _sigmoid(features @ np.exp(parameters[:2]) + parameters[2])


def _fit(features: np.ndarray, is_error: np.ndarray, prior_spread: np.ndarray) -> np.ndarray:
    """(3,): the maximum a posteriori ln a, ln b and c. prior_spread: (3,), their standard deviations around 0, the
    identity."""
    from scipy.optimize import minimize

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        terms = features * np.exp(parameters[:2])
        logits = terms.sum(axis=1) + parameters[2]
        residual = _sigmoid(logits) - is_error
        of_verdicts = np.logaddexp(0, np.where(is_error, -logits, logits)).sum()
        gradient = np.append(residual @ terms, residual.sum()) + parameters / prior_spread**2
        return float(of_verdicts + ((parameters / prior_spread) ** 2).sum() / 2), gradient

    with threadpool_limits(1):  # with three parameters, several threads only wait for each other: 50 times as long
        return minimize(loss, np.zeros(3), jac=True, method="L-BFGS-B").x


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    """Without the overflow of exp(-logits), which a search for the maximum can come to."""
    return np.exp(-np.logaddexp(0, -logits))
