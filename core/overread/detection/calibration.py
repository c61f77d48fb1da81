"""The label-error probability after verdicts: how often the readers agreed with it corrects it, for all samples.

The map is beta calibration: logit q = a ln p - b ln(1 - p) + c with a, b > 0, so it never changes the ranking. `c` says
that wrong labels are rarer or commoner throughout, `b` how fast certainty grows at the top, `a` at the bottom. A prior
holds all three near the identity, from which a few verdicts move little.

Verdicts are taken where the probability is high. No weights undo that: which samples are read depends on p alone, and
given p the likelihood of the verdicts is the same however they were chosen; weights would only add noise. What it does
mean is that the bottom is hardly seen, and there `a` stays where the prior has it, while `b` follows the verdicts. With
two parameters (Platt) the slope found at the top would rule the bottom too, where most samples are.
Source: Kull, Silva Filho and Flach 2017, "Beta calibration".
"""

import numpy as np

PRIOR_SPREAD = np.array([0.3, 0.5, 0.7])
"""Standard deviations of ln a, ln b and c around 0, which is the identity."""
_SMALLEST = 1e-6


def recalibrated(probability: np.ndarray, places: np.ndarray, is_error: np.ndarray) -> np.ndarray:
    """(N,) float64 in [0, 1]: the probabilities, corrected by the verdicts. Ranked as before.

    probability: (N,) float in [0, 1], that the given label is wrong, as a model says that did not know the verdicts.
    places: (M,) int64, the samples that were decided; is_error: (M,) bool, whether their given label was found to be
    wrong (accepted, relabelled: yes; rejected: no; whoever could not judge said neither). Without verdicts the
    probabilities stay as they are. A decided sample's probability is the map's too, not its verdict.
    """
    probability = np.asarray(probability, dtype=np.float64)
    if not len(places):
        return probability.copy()
    features = _features(probability)
    return _mapped(features, _fit(features[places], np.asarray(is_error, dtype=bool)))


def _features(probability: np.ndarray) -> np.ndarray:
    """(N, 2): ln p and -ln(1 - p), both rising with p."""
    inside = probability.clip(_SMALLEST, 1 - _SMALLEST)
    return np.stack([np.log(inside), -np.log1p(-inside)], axis=1)


def _mapped(features: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """(N,) probabilities of features (N, 2) under the parameters (3,): ln a, ln b, c."""
    return 1 / (1 + np.exp(-(features @ np.exp(parameters[:2]) + parameters[2])))


def _fit(features: np.ndarray, is_error: np.ndarray) -> np.ndarray:
    """The likeliest ln a, ln b and c under the prior: (3,)."""
    from scipy.optimize import minimize

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        terms = features * np.exp(parameters[:2])
        logits = terms.sum(axis=1) + parameters[2]
        residual = 1 / (1 + np.exp(-logits)) - is_error
        of_verdicts = np.logaddexp(0, np.where(is_error, -logits, logits)).sum()
        gradient = np.append(residual @ terms, residual.sum()) + parameters / PRIOR_SPREAD**2
        return float(of_verdicts + ((parameters / PRIOR_SPREAD) ** 2).sum() / 2), gradient

    return minimize(loss, np.zeros(3), jac=True, method="L-BFGS-B").x
