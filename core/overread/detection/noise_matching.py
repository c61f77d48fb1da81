"""Noise models that expect as many wrong labels as were estimated by other means."""

from dataclasses import replace

import numpy as np

from overread.detection.error_rate import ErrorRate
from overread.detection.group_labels import GroupLabels, GroupNoise, fit_group_noise
from overread.detection.noise_transition import NoiseModel, add_instance_noise, fit_noise_model
from overread.detection_settings import DetectionSettings, ErrorRateSettings, NoiseSettings

_NUM_STRENGTHS = 5
"""Of the instance-dependent noise over which posteriors are averaged."""


def fit_judging_noise(
    probs: np.ndarray, given: np.ndarray, settings: NoiseSettings, *, offsets: np.ndarray | float = 0.0
) -> NoiseModel:
    """The noise model of out-of-fold probabilities (N, K) and given labels (N,) that scores the labels, before it is
    matched to an error rate."""
    tolerance = settings.scoring_tolerance(len(given))
    return fit_noise_model(probs, given, settings, num_standard_errors=tolerance, offsets=offsets)


def match_error_rate(
    model: NoiseModel, probs: np.ndarray, given: np.ndarray, error_rate: ErrorRate, settings: DetectionSettings
) -> NoiseModel:
    """The model with as much instance-dependent noise as it takes to expect that error rate, if it exceeds the model's
    own, and with the probability that there is any such noise.

    With two classes, the model averages over the strengths that the estimate leaves open: they hardly differ on clear
    images, from which the rate is known, and much on ambiguous ones.

    With three classes or more, the noise may add `error_rate.max_instance_noise_share` at most. If an estimate asks for
    more, some classes look alike to the features and therefore to both views: on the demo's 600 tiles the estimate is
    0.29 and the true rate 0.135. With two classes that look alike the views don't agree, which the estimate notices.
    """
    probs, given = probs[error_rate.is_covered], given[error_rate.is_covered]
    own = model.error_rate(probs, given)
    if error_rate.share <= own:
        return model
    most = own + settings.error_rate.max_instance_noise_share if probs.shape[1] > 2 else 1.0
    rate = min(error_rate.share, most)
    noisy = add_instance_noise(model, probs, given, error_rate=rate, most=settings.noise.max_instance_noise)
    excess = error_rate.share - own
    spread = _spread(error_rate.share, len(given), probs.shape[1], settings.error_rate)
    prob = _instance_noise_prob(excess, spread, settings.error_rate)
    strengths: tuple[float, ...] = ()
    if probs.shape[1] == 2:
        rates = own + _plausible_excesses(excess, spread)
        most = settings.noise.max_instance_noise
        strengths = tuple(
            add_instance_noise(model, probs, given, error_rate=rate, most=most).instance_noise for rate in rates
        )
    return replace(noisy, instance_noise_prob=prob, strengths=strengths)


def _spread(share: float, num_samples: int, num_classes: int, settings: ErrorRateSettings) -> float:
    """Standard deviation of an estimated share of wrong labels."""
    systematic = settings.spread_two_classes if num_classes == 2 else settings.spread
    return float(np.sqrt(systematic**2 + share * (1 - share) / num_samples))


def _plausible_excesses(excess: float, spread: float) -> np.ndarray:
    """(S,) float64: what the true rate may exceed the model's own by, each as likely, if there is instance-dependent
    noise at all: a normal distribution about the estimate, above 0."""
    from scipy.special import ndtr, ndtri

    middles = (np.arange(_NUM_STRENGTHS) + 0.5) / _NUM_STRENGTHS
    below = ndtr(-excess / spread)
    return np.asarray(excess + spread * ndtri(below + (1 - below) * middles))


def _instance_noise_prob(excess: float, spread: float, settings: ErrorRateSettings) -> float:
    """The probability that there is instance-dependent noise, if an estimated rate exceeds the model's own by `excess`:
    without it, the excess is an error of the estimate; with it, any up to `max_excess` is as likely. Both are as likely
    beforehand."""
    by_chance = np.exp(-((excess / spread) ** 2) / 2) / (spread * np.sqrt(2 * np.pi))
    return float(1 / (1 + by_chance * settings.max_excess))


def fit_matched_group_noise(
    probs: np.ndarray,
    labels: np.ndarray,
    groups: GroupLabels,
    error_rate: ErrorRate,
    settings: DetectionSettings,
    *,
    offsets: np.ndarray | float,
) -> GroupNoise:
    """The noise model of labels in groups.

    probs: (L, K), rows sum to 1, of each label's image; labels: (L,) int64, the given ones, followed by those of raters
    if they count. offsets: of the noise model of the given labels alone. error_rate: of the given ones; it is matched
    only if it exceeds what the labels say about each other.
    """
    found = fit_group_noise(probs, labels, groups, settings, offsets=offsets)
    is_right = found.posterior(probs, labels, groups)[np.arange(len(labels)), labels]
    num_given = len(error_rate.is_covered)
    own = 1 - is_right[:num_given][error_rate.is_covered].mean()
    if error_rate.share <= own:
        return found
    noise = match_error_rate(found.noise, probs[:num_given], labels[:num_given], error_rate, settings)
    spread = _spread(error_rate.share, int(error_rate.is_covered.sum()), probs.shape[1], settings.error_rate)
    prob = _instance_noise_prob(error_rate.share - own, spread, settings.error_rate)
    return replace(found, noise=replace(noise, instance_noise_prob=prob))
