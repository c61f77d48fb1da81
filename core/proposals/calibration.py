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

from dataclasses import dataclass

import numpy as np

PRIOR_SPREAD = np.array([0.3, 0.5, 0.7])
"""Standard deviations of ln a, ln b and c around 0, which is the identity."""
_SMALLEST = 1e-6
_NUM_DRAWS = 1000


@dataclass(frozen=True)
class ExpectedPrecision:
    """Of the samples at or above a cut, the share whose label is wrong: what is expected, and between which bounds."""

    value: float
    """In [0, 1]; nan where no sample is at or above the cut. So for the other two."""
    low: float
    high: float
    """`low` to `high` hold it with 95 % probability."""
    num_samples: int
    """At or above the cut."""


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
    mode, _ = _fit(features[places], np.asarray(is_error, dtype=bool))
    return _mapped(features, mode[None])[0]


def expected_precision(
    probability: np.ndarray, places: np.ndarray, is_error: np.ndarray, *, cut: float, seed: int = 0
) -> ExpectedPrecision:
    """How many of the samples at or above a cut have a wrong label: of the decided ones that is known.

    probability, places, is_error: as for `recalibrated`, not yet recalibrated. cut: in [0, 1], of `recalibrated`'s
    result, so that it means what it says. The bounds hold what is not known of the map and, given the map, chance.
    """
    is_error = np.asarray(is_error, dtype=bool)
    chosen = recalibrated(probability, places, is_error) >= cut
    num_chosen = int(chosen.sum())
    if not num_chosen:
        return ExpectedPrecision(float("nan"), float("nan"), float("nan"), 0)
    features = _features(np.asarray(probability, dtype=np.float64))
    mode, covariance = _fit(features[places], is_error)
    is_open = chosen.copy()
    is_open[places] = False
    num_known = is_error[chosen[places]].sum()
    expected = num_known + _mapped(features[is_open], mode[None]).sum()
    rng = np.random.default_rng(seed)
    drawn = _mapped(features[is_open], rng.multivariate_normal(mode, covariance, _NUM_DRAWS))
    # A sum of many coins that differ: by its mean and variance.
    sums = rng.normal(drawn.sum(axis=1), np.sqrt((drawn * (1 - drawn)).sum(axis=1)))
    low, high = np.clip((num_known + np.quantile(sums, (0.025, 0.975))) / num_chosen, 0, 1)
    value = float(expected / num_chosen)
    return ExpectedPrecision(value, min(float(low), value), max(float(high), value), num_chosen)


def _features(probability: np.ndarray) -> np.ndarray:
    """(N, 2): ln p and -ln(1 - p), both rising with p."""
    inside = probability.clip(_SMALLEST, 1 - _SMALLEST)
    return np.stack([np.log(inside), -np.log1p(-inside)], axis=1)


def _mapped(features: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """(P, N) probabilities of features (N, 2) under each of the parameters (P, 3): ln a, ln b, c."""
    logits = np.exp(parameters[:, :2]) @ features.T + parameters[:, 2:]
    return 1 / (1 + np.exp(-logits))


def _fit(features: np.ndarray, is_error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest ln a, ln b and c (3,) under the prior, and their covariance (3, 3) around it (Laplace's)."""
    from scipy.optimize import minimize

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        terms = features * np.exp(parameters[:2])
        logits = terms.sum(axis=1) + parameters[2]
        residual = 1 / (1 + np.exp(-logits)) - is_error
        of_verdicts = np.logaddexp(0, np.where(is_error, -logits, logits)).sum()
        gradient = np.append(residual @ terms, residual.sum()) + parameters / PRIOR_SPREAD**2
        return float(of_verdicts + ((parameters / PRIOR_SPREAD) ** 2).sum() / 2), gradient

    mode = minimize(loss, np.zeros(3), jac=True, method="L-BFGS-B").x
    design = np.concatenate([features * np.exp(mode[:2]), np.ones((len(features), 1))], axis=1)
    predicted = _mapped(features, mode[None])[0]
    # Fisher's information in the curvature's place: it is never negative.
    information = design.T @ (design * (predicted * (1 - predicted))[:, None])
    return mode, np.linalg.inv(information + np.diag(PRIOR_SPREAD**-2.0))
