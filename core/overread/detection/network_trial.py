"""Whether networks are worth their time: by how much one of them makes the labels of its held-out fold more likely."""

from dataclasses import dataclass

import numpy as np

from overread.detection.iteration import label_log_probs
from overread.detection.noise_transition import fit_noise_model
from overread.detection_settings import DetectionSettings

_ROUNDING = 1e-9
"""A network that says the same changes the likelihood by less, in nats."""


@dataclass(frozen=True)
class NetworkTrial:
    """What mixing in a network's probabilities changes, at the best of the weights that are tried."""

    gain: float
    """Mean log probability of the held-out labels with the network, less that without, in nats."""
    standard_error: float

    def is_worthwhile(self, min_standard_errors: float) -> bool:
        return self.gain > min_standard_errors * self.standard_error + _ROUNDING


def try_network(
    probs: np.ndarray, network_probs: np.ndarray, given: np.ndarray, settings: DetectionSettings
) -> NetworkTrial:
    """Compare the labels' likelihood with a network and without, mixed as `combine_with_networks` does.

    probs, network_probs: (M, K), rows sum to 1, by models that saw none of the labels; given: (M,) int64.
    """
    tolerance = settings.noise.num_standard_errors
    models = [fit_noise_model(p, given, settings.noise, num_standard_errors=tolerance) for p in (probs, network_probs)]
    logs = [
        np.log(np.maximum(model.class_probs(p), 1e-6)) for model, p in zip(models, (probs, network_probs), strict=True)
    ]
    without = label_log_probs(probs, given, settings.noise)
    trials = []
    for most in settings.refinement.network_weights:
        weight = most / (1 + models[0].instance_noise)
        mixed = np.exp((1 - weight) * logs[0] + weight * logs[1])
        mixed /= mixed.sum(axis=1, keepdims=True)
        gains = label_log_probs(mixed, given, settings.noise) - without
        trials.append(NetworkTrial(float(gains.mean()), float(gains.std() / np.sqrt(len(gains)))))
    return max(trials, key=lambda trial: trial.gain)
