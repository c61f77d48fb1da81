import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from overread.detection import calibration
from overread.proposal_settings import CalibrationSettings


def recalibrated(probability, places, is_error, **settings):
    return calibration.recalibrated(probability, places, is_error, CalibrationSettings(**settings))


def simulated(num, seed, *, slope, shift):
    """A model's probabilities, and labels that are wrong by others: their logit is slope times the model's + shift."""
    rng = np.random.default_rng(seed)
    probability = rng.beta(0.3, 1.2, num).clip(1e-4, 1 - 1e-4)
    true = 1 / (1 + np.exp(-(slope * np.log(probability / (1 - probability)) + shift)))
    return probability, true, rng.random(num) < true


def log_loss(true, probability):
    return -(true * np.log(probability) + (1 - true) * np.log(1 - probability)).mean()


def test_without_verdicts_the_probabilities_stay_as_they_are():
    probability = np.array([0.0, 0.2, 1.0], dtype=np.float32)
    result = recalibrated(probability, np.array([], dtype=np.int64), np.array([], dtype=bool))
    np.testing.assert_array_equal(result, probability.astype(np.float64))
    assert result.dtype == np.float64


@pytest.mark.parametrize(("slope", "shift"), [(0.5, -1.0), (1.6, 0.8), (1.0, 0.0)])
def test_many_verdicts_lead_to_the_truth(slope, shift):
    probability, true, is_error = simulated(20_000, 0, slope=slope, shift=shift)
    result = recalibrated(probability, np.arange(20_000), is_error)
    assert np.abs(result - true).mean() < 0.01


def test_many_verdicts_lead_to_the_same_as_an_unbounded_logistic_regression():
    probability, _, is_error = simulated(20_000, 1, slope=0.7, shift=-0.5)
    features = np.stack([np.log(probability), -np.log1p(-probability)], axis=1)
    reference = LogisticRegression(C=1e6, max_iter=1000).fit(features, is_error).predict_proba(features)[:, 1]
    assert np.abs(recalibrated(probability, np.arange(20_000), is_error) - reference).max() < 0.01


def test_a_few_verdicts_as_expected_change_little():
    probability = np.linspace(0.01, 0.99, 99)
    places = np.arange(80, 90)  # at 0.81 to 0.90: 9 of 10 are wrong
    result = recalibrated(probability, places, np.arange(10) > 0)
    assert np.abs(result - probability).max() < 0.05


def test_readers_who_reject_half_at_the_top_bring_the_top_down():
    probability = np.concatenate([np.full(60, 0.95), np.linspace(0.001, 0.5, 1000)])
    result = recalibrated(probability, np.arange(60), np.arange(60) % 2 == 0)
    assert result[0] == pytest.approx(0.5, abs=0.06)
    assert (result[60:] < probability[60:]).all()


@pytest.mark.parametrize("seed", range(20))
def test_the_ranking_never_changes(seed):
    rng = np.random.default_rng(seed)
    probability = np.sort(rng.random(200) ** rng.integers(1, 6))
    places = rng.integers(0, 200, rng.integers(1, 60))
    result = recalibrated(probability, places, rng.random(len(places)) < rng.random())
    assert (np.diff(result) >= 0).all()
    assert result.min() >= 0
    assert result.max() <= 1


def test_verdicts_at_the_top_alone_mend_the_whole():
    before, after = [], []
    for seed in range(20):
        probability, true, is_error = simulated(4000, seed, slope=0.6, shift=-0.7)
        read = np.argsort(-probability)[:150]
        before.append(log_loss(true, probability))
        after.append(log_loss(true, recalibrated(probability, read, is_error[read])))
    assert np.mean(after) < np.mean(before) - 0.005


def test_verdicts_at_the_top_harm_a_model_that_is_right_but_little():
    harm = []
    for seed in range(20):
        probability, true, is_error = simulated(4000, seed, slope=1, shift=0)
        read = np.argsort(-probability)[:150]
        harm.append(log_loss(true, recalibrated(probability, read, is_error[read])) - log_loss(true, probability))
    assert np.mean(harm) < 0.005


def test_a_narrower_prior_changes_less():
    probability = np.linspace(0.01, 0.99, 99)
    places, is_error = np.arange(60, 99), np.zeros(39, dtype=bool)
    usual = recalibrated(probability, places, is_error)
    narrow = recalibrated(probability, places, is_error, prior_spread=(0.03, 0.05, 0.07))
    assert np.abs(narrow - probability).max() < np.abs(usual - probability).max() / 3


def test_many_verdicts_that_turn_at_one_probability_do_not_overflow():
    probability = np.random.default_rng(0).uniform(0, 1, 10_000)
    corrected = recalibrated(probability, np.arange(10_000), probability > 0.75)
    assert corrected[probability < 0.6].max() < 0.1
    assert corrected[probability > 0.9].min() > 0.9
