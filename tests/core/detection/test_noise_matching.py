from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from overread.detection.error_rate import ErrorRate
from overread.detection.group_labels import GroupLabels
from overread.detection.noise_matching import fit_judging_noise, fit_matched_group_noise, match_error_rate
from overread.detection.noise_transition import fit_noise_model
from overread.detection_settings import DetectionSettings, ErrorRateSettings

MAX_SHARE = 0.12
SETTINGS = DetectionSettings(error_rate=ErrorRateSettings(max_instance_noise_share=MAX_SHARE))


@pytest.mark.parametrize("num_classes", [2, 3])
def test_a_rate_is_matched_where_it_exceeds_the_model_s_own_and_with_three_classes_up_to_a_limit(num_classes):
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(num_classes), 2000)
    given = (probs.cumsum(axis=1) > rng.random((2000, 1))).argmax(axis=1)
    is_covered = np.arange(2000) % 4 > 0
    plain = fit_judging_noise(probs, given, SETTINGS.noise)

    def expected(rate):
        """The share of wrong labels that a model matched to that rate expects, among the samples that it covers."""
        model = match_error_rate(plain, probs, given, ErrorRate(rate, is_covered), SETTINGS)
        certain = replace(model, instance_noise_prob=1.0, strengths=())
        return certain.error_rate(probs[is_covered], given[is_covered])

    own = expected(0.0)
    within = ErrorRate(own - 0.01, is_covered)
    assert match_error_rate(plain, probs, given, within, SETTINGS).instance_noise == 0
    assert expected(own + 0.05) == pytest.approx(own + 0.05, abs=0.01)
    reached = own + (MAX_SHARE if num_classes > 2 else 2 * MAX_SHARE)
    assert expected(own + 2 * MAX_SHARE) == pytest.approx(reached, abs=0.01)


def test_two_classes_average_over_the_strengths_that_the_estimate_leaves_open_and_three_do_not():
    rng = np.random.default_rng(0)

    def matched(num_classes):
        probs = rng.dirichlet(np.ones(num_classes), 2000)
        given = (probs.cumsum(axis=1) > rng.random((2000, 1))).argmax(axis=1)
        plain = fit_judging_noise(probs, given, SETTINGS.noise)
        rate = ErrorRate(plain.error_rate(probs, given) + 0.05, np.ones(2000, dtype=bool))
        return match_error_rate(plain, probs, given, rate, SETTINGS), probs, given, rate.share

    model, probs, given, share = matched(2)
    rates = [
        replace(model, instance_noise=strength, instance_noise_prob=1.0, strengths=()).error_rate(probs, given)
        for strength in model.strengths
    ]
    # Five quantiles of a normal distribution: the spread of the estimate is 0.008 by itself, and that by chance.
    spread = np.sqrt(0.008**2 + share * (1 - share) / 2000)
    assert rates == pytest.approx(share + spread * norm.ppf([0.1, 0.3, 0.5, 0.7, 0.9]), abs=0.004)
    assert matched(3)[0].strengths == ()


def test_in_groups_a_rate_is_matched_only_beyond_what_their_labels_say_about_each_other():
    rng = np.random.default_rng(0)
    true = np.repeat(rng.integers(0, 3, 200), 4)
    given = np.where(rng.random(800) < 0.2, (true + 1) % 3, true)
    probs = 0.6 * np.eye(3)[true] + 0.4 * rng.dirichlet(np.ones(3), 800)
    everyone, groups = np.ones(800, dtype=bool), np.arange(800) // 4

    def instance_noise_prob(rate, is_trained=everyone):
        rate = ErrorRate(rate, is_trained[is_trained])
        labels = GroupLabels.of(given[is_trained], groups[is_trained])
        noise = fit_matched_group_noise(probs[is_trained], given[is_trained], labels, rate, SETTINGS, offsets=0.0).noise
        return noise.instance_noise_prob if noise.instance_noise else 0.0

    assert instance_noise_prob(0.0) == 0
    assert instance_noise_prob(0.2) < 0.3
    assert instance_noise_prob(0.35) > 0.9
    assert instance_noise_prob(0.35, is_trained=np.arange(800) < 600) > 0.9


def test_in_a_small_study_the_likeliest_model_scores_the_labels_and_in_a_large_one_the_sharpest_plausible_one():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (900, 3))
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    drawn = (probs.cumsum(axis=1) > rng.random((900, 1))).argmax(axis=1)
    given = np.where(rng.random(900) < 0.15, (drawn + 1) % 3, drawn)

    def temperature(num, num_standard_errors):
        model = fit_noise_model(probs[:num], given[:num], SETTINGS.noise, num_standard_errors=num_standard_errors)
        return model.inverse_temperature

    assert temperature(150, 0.0) < temperature(150, 0.5)
    for num, tolerance in ((150, 0.0), (900, 0.5)):
        found = fit_judging_noise(probs[:num], given[:num], SETTINGS.noise).inverse_temperature
        assert found == temperature(num, tolerance)
