"""A round of the refinement as it comes out: what models that never saw a sample's label say of it, and what that makes
of its label; alone, and together with networks."""

from dataclasses import dataclass, replace

import numpy as np

from overread.detection.error_rate import ErrorRate
from overread.detection.group_labels import PictureLabels, PictureNoise, fit_picture_noise
from overread.detection.noise_transition import NoiseModel, blurred, fit_for_likelihood, fit_noise_model, is_as_likely

NETWORK_WEIGHTS = (0.25, 0.5)
"""Half at most, and less where labels are wrong where images are unclear (divided by 1 + the blur): a network that was
trained through follows wrong labels that look alike. On 3,784 chest X-rays, SimCLR's features, a fifth of the labels
wrong, average precision with weights 0, 0.25 and 0.5: `idn` (blur 0) 0.944, 0.958 and 0.965, `boundary` (blur 2.2)
0.847, 0.848 and 0.822."""
NUM_ERRORS = 0.5
"""Standard errors by which the noise model that labels are judged by may be less likely than the likeliest."""
RATE_ERROR = 0.03
"""By how much `noise_rate` may be off: its distance from the true rate on most cells of the benchmark."""
LARGEST_BLURRED = 0.1
"""Share of all labels that the blur alone may make wrong where there are three classes or more: a rate that asks for
more says that some of them look alike to the features, and so to both views. On the demo's 600 tiles 0.29 are told and
0.135 are wrong. Two classes that look alike leave views that agree in nothing, which `noise_rate` sees itself."""


@dataclass(frozen=True)
class Round:
    """What a round says of every sample."""

    probs: np.ndarray
    """(N, K) float32, rows sum to 1: what the image shows, by models of the other folds."""
    noise: NoiseModel
    neighbour_share: float
    """One of SHARES."""
    log_likelihood: float
    """Mean log probability of the given labels, in nats; of rounds on one set, the higher the better."""
    network_weight: float = 0.0
    """Of the cross-fitted networks in `probs`, in [0, 1]."""

    def posterior(self, given: np.ndarray) -> np.ndarray:
        """(N, K) float64: the probability of each class given the image and its given label."""
        return self.noise.posterior(self.probs, given)

    def figures(self, given: np.ndarray) -> dict[str, float]:
        """What a run's log tells of the round: the held-out labels' likelihood, and how many it doubts."""
        doubted = 1 - self.posterior(given)[np.arange(len(given)), given]
        return {
            "log_likelihood": round(self.log_likelihood, 5),
            "expected_errors": round(float(doubted.sum()), 1),
            "num_changed": int((doubted > 0.5).sum()),
        }


def combined(
    round_: Round, network_probs: np.ndarray, given: np.ndarray, is_trained: np.ndarray, *, error_rate: ErrorRate
) -> Round:
    """A round together with what cross-fitted networks say: the weighted geometric mean of both, each sharpened by its
    own noise model, with the least weight under which the given labels are as likely as under the best.

    network_probs: (N, K), rows sum to 1, from networks that never saw the sample's label. error_rate: as `Refinement`
    has it.
    """
    network_noise = fit_noise_model(network_probs[is_trained], given[is_trained])
    logs = [
        np.log(np.maximum(noise.class_probs(probs), 1e-6))
        for noise, probs in ((round_.noise, round_.probs), (network_noise, network_probs))
    ]
    known = given[is_trained]
    tried = [(0.0, round_.probs, likelihood(round_.probs[is_trained], known))]
    for weight in (most / (1 + round_.noise.blur) for most in NETWORK_WEIGHTS):
        probs = np.exp((1 - weight) * logs[0] + weight * logs[1])
        probs /= probs.sum(axis=1, keepdims=True)
        tried.append((weight, probs, likelihood(probs[is_trained], known)))
    best = max((values for *_, values in tried), key=np.mean)
    weight, probs, values = next(one for one in tried if is_as_likely(one[2], best))
    noise = fit_noise(probs[is_trained], known, error_rate)
    return Round(probs, noise, round_.neighbour_share, float(values.mean()), weight)


def picture_noise(
    probs: np.ndarray, labels: np.ndarray, pictures: PictureLabels, *, error_rate: ErrorRate
) -> PictureNoise:
    """How the labels that may be fitted on came about, by what they say of each other where a picture has several.

    labels: (L,) int64, the given ones, and after them those of raters, if they are to count. probs: (L, K), rows sum to
    1, what the image of each shows. error_rate: of the given ones, as `Refinement` has it; it is told only where it is
    larger by RATE_ERROR than what the labels say of each other.
    """
    found = fit_picture_noise(probs, labels, pictures, num_errors=NUM_ERRORS)
    is_right = found.posterior(probs, labels, pictures)[np.arange(len(labels)), labels]
    num_given = len(error_rate.is_told)
    if error_rate.share <= 1 - is_right[:num_given][error_rate.is_told].mean() + RATE_ERROR:
        return found
    return replace(found, noise=told(found.noise, probs[:num_given], labels[:num_given], error_rate))


def fit_noise(probs: np.ndarray, given: np.ndarray, error_rate: ErrorRate) -> NoiseModel:
    """The noise model of probabilities (N, K) that never saw the given labels (N,), told how many are wrong."""
    return told(fit_noise_model(probs, given, num_errors=NUM_ERRORS), probs, given, error_rate)


def told(model: NoiseModel, probs: np.ndarray, given: np.ndarray, error_rate: ErrorRate) -> NoiseModel:
    """The model, blurred until as many labels are expected to be wrong as `error_rate` tells, if these are more than it
    comes to by itself by as much as a rate can be off, and as far as LARGEST_BLURRED allows."""
    probs, given = probs[error_rate.is_told], given[error_rate.is_told]
    own = model.error_rate(probs, given)
    if error_rate.share <= own + RATE_ERROR:
        return model
    most = own + LARGEST_BLURRED if probs.shape[1] > 2 else 1.0
    return blurred(model, probs, given, min(error_rate.share, most))


def likelihood(probs: np.ndarray, given: np.ndarray) -> np.ndarray:
    """(N,): the log probability of each given label, as classifiers are compared by it."""
    return fit_for_likelihood(probs, given).log_probs(probs, given)
