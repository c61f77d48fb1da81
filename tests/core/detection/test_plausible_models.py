from dataclasses import replace

import numpy as np
import pytest

from overread.detection.error_range import ErrorRange
from overread.detection.error_rate import ErrorRate
from overread.detection.noise_matching import fit_judging_noise, match_error_rate
from overread.detection.noise_transition import NoiseModel
from overread.detection.plausible_models import likelier, plausible_models
from overread.detection_settings import DetectionSettings

SETTINGS = DetectionSettings()


def made(num=600, seed=0):
    """Two overlapping clouds on a line, a tenth of the labels wrong, and probabilities that are a little too unsure."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 2, num)
    logits = 2.5 * (2 * true - 1) + 1.5 * rng.normal(size=num)
    given = np.where(rng.random(num) < 0.1, 1 - true, true)
    probs = 1 / (1 + np.exp(-0.5 * logits))
    return true, given, np.stack([1 - probs, probs], axis=1)


def ranged(rate, num=600):
    _, given, probs = made(num)
    everyone = np.ones(num, dtype=bool)
    error_rate = ErrorRate(rate, everyone)
    chosen = match_error_rate(fit_judging_noise(probs, given, SETTINGS.noise), probs, given, error_rate, SETTINGS)
    models = [chosen, *plausible_models(chosen, probs, given, error_rate, SETTINGS)]

    def error_probability(model):
        return 1 - model.posterior(probs, given)[np.arange(num), given]

    low, high = ErrorRange.of(map(error_probability, models)).counts(everyone)
    assert low <= error_probability(chosen).sum() <= high
    return low / num, high / num


def test_a_range_contains_the_true_share_and_narrows_with_the_samples():
    ranges = {num: ranged(0.0, num) for num in (150, 6000)}
    for low, high in ranges.values():
        assert low - 0.01 <= 0.1 <= high + 0.01
    widths = {num: high - low for num, (low, high) in ranges.items()}
    assert widths[6000] < widths[150]


def test_a_rate_of_which_it_is_unclear_whether_it_is_instance_noise_widens_the_range():
    own = ranged(0.0)
    unclear, clear = ranged(own[1] + 0.01), ranged(own[1] + 0.3)
    assert unclear[0] == pytest.approx(own[0], abs=0.001)
    assert unclear[1] > own[1]
    assert clear[0] > own[1]


def test_the_probability_of_instance_noise_rises_with_what_the_estimate_exceeds_the_model_by():
    _, given, probs = made(3000)
    plain = fit_judging_noise(probs, given, SETTINGS.noise)
    own = plain.error_rate(probs, given)

    def prob(excess):
        rate = ErrorRate(own + excess, np.ones(3000, dtype=bool))
        return match_error_rate(plain, probs, given, rate, SETTINGS).instance_noise_prob

    assert prob(0.002) < 0.15
    assert prob(0.002) < prob(0.02) < prob(0.05)
    assert prob(0.05) > 0.95


def test_the_posterior_is_the_mean_with_and_without_instance_noise():
    _, given, probs = made(50)
    models = {strength: NoiseModel(1.5, np.array([[0.9, 0.1], [0.2, 0.8]]), strength) for strength in (0.0, 2.0)}
    both = NoiseModel(1.5, np.array([[0.9, 0.1], [0.2, 0.8]]), 2.0, instance_noise_prob=0.3)
    expected = 0.7 * models[0.0].posterior(probs, given) + 0.3 * models[2.0].posterior(probs, given)
    np.testing.assert_allclose(both.posterior(probs, given), expected)
    stronger = replace(models[2.0], instance_noise=4.0).posterior(probs, given)
    expected = 0.7 * models[0.0].posterior(probs, given) + 0.15 * models[2.0].posterior(probs, given) + 0.15 * stronger
    np.testing.assert_allclose(replace(both, strengths=(2.0, 4.0)).posterior(probs, given), expected)
    assert likelier(both).instance_noise == 0
    assert likelier(NoiseModel(1.5, np.eye(2), 2.0, instance_noise_prob=0.6)).instance_noise == 2


def test_the_range_of_a_set_goes_two_standard_deviations_of_chance_beyond_what_is_expected():
    found = ErrorRange(np.full(400, 0.2), np.full(400, 0.5))
    low, high = found.counts(np.arange(400) < 100)
    assert low == pytest.approx(20 - 2 * np.sqrt(100 * 0.2 * 0.8))
    assert high == pytest.approx(50 + 2 * np.sqrt(100 * 0.5 * 0.5))
    assert found.counts(np.zeros(400, dtype=bool)) == (0, 0)
    assert ErrorRange(np.full(2, 0.1), np.full(2, 0.9)).counts(np.ones(2, dtype=bool)) == (0, 2)
