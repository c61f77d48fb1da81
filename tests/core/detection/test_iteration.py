from dataclasses import replace

import numpy as np

from overread.detection.detection_data import DetectionData
from overread.detection.error_rate import ErrorRate
from overread.detection.iteration import Iteration, combine_with_networks, label_log_probs
from overread.detection.noise_transition import fit_noise_model
from overread.detection_settings import DetectionSettings

SETTINGS = DetectionSettings()
NETWORK_WEIGHTS = SETTINGS.refinement.network_weights


def made_iteration():
    """An iteration that is right four times out of five, the true classes, and the labels, a sixth of them wrong."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 400)
    given = np.where(rng.random(400) < 0.15, (true + 1) % 3, true)
    seen = np.where(rng.random(400) < 0.2, rng.integers(0, 3, 400), true)
    probs = (0.7 * np.eye(3)[seen] + 0.3 * rng.dirichlet(np.ones(3), 400)).astype(np.float32)
    mean = float(label_log_probs(probs, given, SETTINGS.noise).mean())
    return (
        Iteration(probs, fit_noise_model(probs, given, SETTINGS.noise, num_standard_errors=0.5), 0.0, mean),
        true,
        given,
    )


def combined(iteration, given, network_probs):
    everyone = np.ones(len(given), dtype=bool)
    data = DetectionData(np.zeros((len(given), 1)), given, np.arange(len(given)), everyone, 3, network_probs)
    return combine_with_networks(iteration, data, ErrorRate(0.1, everyone), SETTINGS)


def test_networks_count_where_they_make_the_labels_likelier_and_only_there():
    iteration, true, given = made_iteration()
    good = 0.94 * np.eye(3)[true] + 0.02
    together = combined(iteration, given, good)
    assert together.network_weight in [weight / (1 + iteration.noise.instance_noise) for weight in NETWORK_WEIGHTS]
    assert together.log_likelihood > iteration.log_likelihood
    assert together.noise.error_rate(together.probs, given) >= 0.1
    np.testing.assert_allclose(together.probs.sum(axis=1), 1, atol=1e-5)
    assert (together.probs.argmax(axis=1) == true).mean() > (iteration.probs.argmax(axis=1) == true).mean()
    random = np.random.default_rng(1).dirichlet(np.ones(3), 400)
    assert combined(iteration, given, random).network_weight == 0


def test_networks_count_less_where_labels_are_wrong_on_ambiguous_images():
    iteration, true, given = made_iteration()
    ambiguous = replace(iteration, noise=replace(iteration.noise, instance_noise=3.0))
    weight = combined(ambiguous, given, 0.94 * np.eye(3)[true] + 0.02).network_weight
    assert 0 < weight <= max(NETWORK_WEIGHTS) / 4
