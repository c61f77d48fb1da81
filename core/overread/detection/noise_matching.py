"""Noise models that expect as many wrong labels as were estimated by other means."""

from dataclasses import replace

import numpy as np

from overread.detection.error_rate import ErrorRate
from overread.detection.group_labels import GroupLabels, GroupNoise, fit_group_noise
from overread.detection.noise_transition import NoiseModel, add_instance_noise, fit_noise_model

NUM_STANDARD_ERRORS = 0.5
"""How many standard errors the likelihood of the noise model may be below the best, where labels are judged by it."""
RATE_TOLERANCE = 0.03
"""By how much `estimate_error_rate` may be off: its distance from the true rate on most cells of the benchmark."""
MAX_INSTANCE_NOISE_SHARE = 0.1
"""Share of all labels that instance-dependent noise may make wrong with three classes or more. If an estimate asks for
more, some classes look alike to the features and therefore to both views. On the demo's 600 tiles the estimate is 0.29
and the true rate 0.135. With two classes that look alike the views don't agree, which the estimate itself notices."""


def fit_matched_noise(probs: np.ndarray, given: np.ndarray, error_rate: ErrorRate) -> NoiseModel:
    """The noise model of out-of-fold probabilities (N, K) and given labels (N,) that expects the given error rate."""
    return match_error_rate(fit_judging_noise(probs, given), probs, given, error_rate)


def fit_judging_noise(probs: np.ndarray, given: np.ndarray) -> NoiseModel:
    """The same without any instance-dependent noise."""
    return fit_noise_model(probs, given, num_standard_errors=NUM_STANDARD_ERRORS)


def match_error_rate(model: NoiseModel, probs: np.ndarray, given: np.ndarray, error_rate: ErrorRate) -> NoiseModel:
    """The model with as much instance-dependent noise as it takes to expect that error rate, if it exceeds the model's
    own by more than RATE_TOLERANCE, and with three classes or more by at most MAX_INSTANCE_NOISE_SHARE of the labels.
    """
    probs, given = probs[error_rate.is_covered], given[error_rate.is_covered]
    own = model.error_rate(probs, given)
    if error_rate.share <= own + RATE_TOLERANCE:
        return model
    most = own + MAX_INSTANCE_NOISE_SHARE if probs.shape[1] > 2 else 1.0
    return add_instance_noise(model, probs, given, error_rate=min(error_rate.share, most))


def fit_matched_group_noise(
    probs: np.ndarray, labels: np.ndarray, groups: GroupLabels, error_rate: ErrorRate
) -> GroupNoise:
    """The noise model of labels in groups.

    probs: (L, K), rows sum to 1, of each label's image; labels: (L,) int64, the given ones, followed by those of raters
    if they count. error_rate: of the given ones; it is matched only if it exceeds what the labels say about each other
    by more than RATE_TOLERANCE.
    """
    found = fit_group_noise(probs, labels, groups, num_standard_errors=NUM_STANDARD_ERRORS)
    is_right = found.posterior(probs, labels, groups)[np.arange(len(labels)), labels]
    num_given = len(error_rate.is_covered)
    if error_rate.share <= 1 - is_right[:num_given][error_rate.is_covered].mean() + RATE_TOLERANCE:
        return found
    return replace(found, noise=match_error_rate(found.noise, probs[:num_given], labels[:num_given], error_rate))
