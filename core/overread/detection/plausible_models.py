"""Noise models that fit the labels about as well as the chosen one, for the range of what they expect.

The likelihood leaves the temperature open within limits, and says nothing of instance-dependent noise: clear images
with wrong labels and hard images with right ones can look the same. The range is that of the models that cannot be
ruled out.
"""

from dataclasses import replace

import numpy as np

from overread.detection.error_rate import ErrorRate
from overread.detection.noise_matching import match_error_rate
from overread.detection.noise_transition import NoiseModel, fit_plausible
from overread.detection_settings import DetectionSettings

_MIN_PROB = 0.1


def plausible_models(
    chosen: NoiseModel, probs: np.ndarray, given: np.ndarray, error_rate: ErrorRate, settings: DetectionSettings
) -> list[NoiseModel]:
    """The chosen model and those at the lowest and highest plausible temperatures, each without instance-dependent
    noise and with as much as `error_rate` asks for, but for what is improbable.

    probs: (N, K), rows sum to 1, out of fold; given: (N,) int64.
    """
    ends = fit_plausible(probs, given, settings.noise, offsets=chosen.offsets)
    models = []
    for model in (replace(chosen, instance_noise=0.0, instance_noise_prob=1.0, strengths=()), *ends):
        noisy = match_error_rate(model, probs, given, error_rate, settings)
        prob = noisy.instance_noise_prob if noisy.instance_noise else 0.0
        if prob < 1 - _MIN_PROB:
            models.append(model)
        if prob > _MIN_PROB:
            models.append(replace(noisy, instance_noise_prob=1.0, strengths=()))
    return models


def likelier(model: NoiseModel) -> NoiseModel:
    """The model with instance-dependent noise or without, whichever is more probable."""
    strength = 0.0 if model.instance_noise_prob < 0.5 else model.instance_noise
    return replace(model, instance_noise=strength, instance_noise_prob=1.0, strengths=())
