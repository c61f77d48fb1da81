"""An iteration of self-training: out-of-fold class probabilities with the noise model fitted to them."""

from dataclasses import dataclass

import numpy as np

from overread.detection.class_offsets import fit_class_offsets
from overread.detection.detection_data import DetectionData
from overread.detection.error_rate import ErrorRate
from overread.detection.noise_matching import fit_judging_noise, match_error_rate
from overread.detection.noise_transition import NoiseModel, fit_noise_model, fit_unshrunk, is_as_likely
from overread.detection_settings import DetectionSettings, NoiseSettings


@dataclass(frozen=True)
class Iteration:
    """What one iteration says about every sample."""

    probs: np.ndarray
    """(N, K) float32, rows sum to 1: class probabilities given the image, by models of the other folds."""
    noise: NoiseModel
    neighbour_weight: float
    """Weight of the neighbours' mean in `probs`, in [0, 1]."""
    log_likelihood: float
    """Mean log probability of the given labels, in nats. Higher is better among iterations on the same data."""
    network_weight: float = 0.0
    """Weight of the cross-fitted networks in `probs`, in [0, 1]."""

    def posterior(self, given: np.ndarray) -> np.ndarray:
        """(N, K) float64: the probability of each class given the image and its label."""
        return self.noise.posterior(self.probs, given)

    def figures(self, given: np.ndarray) -> dict[str, float]:
        """For the run's log: log-likelihood, expected number of wrong labels, number of labels that are probably
        wrong."""
        error_probability = 1 - self.posterior(given)[np.arange(len(given)), given]
        return {
            "log_likelihood": round(self.log_likelihood, 5),
            "expected_errors": round(float(error_probability.sum()), 1),
            "num_changed": int((error_probability > 0.5).sum()),
        }


def combine_with_networks(
    iteration: Iteration, data: DetectionData, error_rate: ErrorRate, settings: DetectionSettings
) -> Iteration:
    """The iteration with the networks' probabilities mixed in: a weighted geometric mean of both, each at the
    temperature of its own noise model.

    The weight is the lowest with which the given labels are as likely as with the best. It is half at most by default,
    and less with instance-dependent noise: a network that was trained end to end follows wrong labels that look alike.
    On 3,784 chest X-rays, SimCLR's features, a fifth of the labels wrong, average precision with weights 0, 0.25 and
    0.5: `idn` (no instance noise by the model) 0.944, 0.958 and 0.965, `boundary` (strength 2.2) 0.847, 0.848 and
    0.822. data: with `network_probs`; error_rate: of the samples that may be fitted on.
    """
    assert data.network_probs is not None
    is_trained, network_probs = data.is_trained, data.network_probs
    given, tolerance = data.given[is_trained], settings.noise.num_standard_errors
    groups = data.groups[is_trained]
    network_noise = fit_noise_model(
        network_probs[is_trained],
        given,
        settings.noise,
        num_standard_errors=tolerance,
        offsets=fit_class_offsets(network_probs[is_trained], given, groups, settings.noise),
    )
    logs = [
        np.log(np.maximum(noise.class_probs(probs), 1e-6))
        for noise, probs in ((iteration.noise, iteration.probs), (network_noise, network_probs))
    ]
    tried = [(0.0, iteration.probs, label_log_probs(iteration.probs[is_trained], given, settings.noise))]
    for weight in (most / (1 + iteration.noise.instance_noise) for most in settings.refinement.network_weights):
        probs = np.exp((1 - weight) * logs[0] + weight * logs[1])
        probs /= probs.sum(axis=1, keepdims=True)
        tried.append((weight, probs, label_log_probs(probs[is_trained], given, settings.noise)))
    best = max((values for *_, values in tried), key=np.mean)
    weight, probs, values = next(one for one in tried if is_as_likely(one[2], best, num_standard_errors=tolerance))
    offsets = fit_class_offsets(probs[is_trained], given, groups, settings.noise)
    noise = fit_judging_noise(probs[is_trained], given, settings.noise, offsets=offsets)
    noise = match_error_rate(noise, probs[is_trained], given, error_rate, settings)
    return Iteration(probs, noise, iteration.neighbour_weight, float(values.mean()), weight)


def label_log_probs(probs: np.ndarray, given: np.ndarray, settings: NoiseSettings) -> np.ndarray:
    """(N,): the log probability of each given label under the most likely noise model, in nats: what classifiers are
    compared by. probs: (N, K), rows sum to 1, from models that were not fitted on the labels; given: (N,) int64."""
    model = fit_unshrunk(probs, given, settings, num_standard_errors=settings.num_standard_errors)
    return model.log_probs(probs, given)
