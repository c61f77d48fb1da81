"""Noise models that expect as many wrong labels as were estimated by other means."""

from dataclasses import replace

import numpy as np

from overread.detection.error_rate import ErrorRate
from overread.detection.group_labels import GroupLabels, GroupNoise, fit_group_noise
from overread.detection.noise_transition import NoiseModel, add_instance_noise, fit_noise_model
from overread.detection_settings import DetectionSettings, NoiseSettings


def fit_judging_noise(
    probs: np.ndarray, given: np.ndarray, settings: NoiseSettings, *, offsets: np.ndarray | float = 0.0
) -> NoiseModel:
    """The noise model of out-of-fold probabilities (N, K) and given labels (N,) that scores the labels, before it is
    matched to an error rate."""
    tolerance = settings.final_num_standard_errors
    return fit_noise_model(probs, given, settings, num_standard_errors=tolerance, offsets=offsets)


def match_error_rate(
    model: NoiseModel, probs: np.ndarray, given: np.ndarray, error_rate: ErrorRate, settings: DetectionSettings
) -> NoiseModel:
    """The model with as much instance-dependent noise as it takes to expect that error rate, if it exceeds the model's
    own by more than `error_rate.tolerance`.

    With three classes or more, the noise may add `error_rate.max_instance_noise_share` at most. If an estimate asks for
    more, some classes look alike to the features and therefore to both views: on the demo's 600 tiles the estimate is
    0.29 and the true rate 0.135. With two classes that look alike the views don't agree, which the estimate notices.
    """
    probs, given = probs[error_rate.is_covered], given[error_rate.is_covered]
    own = model.error_rate(probs, given)
    if error_rate.share <= own + settings.error_rate.tolerance:
        return model
    most = own + settings.error_rate.max_instance_noise_share if probs.shape[1] > 2 else 1.0
    rate = min(error_rate.share, most)
    return add_instance_noise(model, probs, given, error_rate=rate, most=settings.noise.max_instance_noise)


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
    only if it exceeds what the labels say about each other by more than `error_rate.tolerance`.
    """
    found = fit_group_noise(probs, labels, groups, settings, offsets=offsets)
    is_right = found.posterior(probs, labels, groups)[np.arange(len(labels)), labels]
    num_given = len(error_rate.is_covered)
    own = 1 - is_right[:num_given][error_rate.is_covered].mean()
    if error_rate.share <= own + settings.error_rate.tolerance:
        return found
    noise = match_error_rate(found.noise, probs[:num_given], labels[:num_given], error_rate, settings)
    return replace(found, noise=noise)
