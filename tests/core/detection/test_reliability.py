import numpy as np
import pytest

from overread.detection.calibration import recalibrated
from overread.detection.reliability import held_out_recalibrated, reliability
from overread.metrics import expected_calibration_error
from overread.proposal_settings import CalibrationSettings

SETTINGS = CalibrationSettings()


@pytest.mark.parametrize(("num", "num_bins"), [(1, 1), (19, 1), (20, 2), (57, 5), (400, 6)])
def test_every_bin_rests_on_about_ten_verdicts_or_more_and_all_verdicts_count(num, num_bins):
    rng = np.random.default_rng(num)
    probability = rng.uniform(0.5, 1, num)
    is_error = rng.random(num) < probability
    found = reliability(probability, is_error, SETTINGS)
    assert len(found.curve.num_samples) == num_bins
    assert found.curve.num_samples.sum() == num
    assert found.calibration_error == expected_calibration_error(is_error, probability, num_bins)


def test_the_error_that_chance_makes_is_that_of_verdicts_drawn_from_the_probabilities():
    # One bin: the mean of 16 coins is off by the standard error, on the mean by sqrt(2 / pi) of it.
    probability = np.full(16, 0.5)
    found = reliability(probability, np.zeros(16, dtype=bool), SETTINGS)
    np.testing.assert_allclose(found.chance_error, np.sqrt(2 / np.pi) * np.sqrt(0.25 / 16), atol=0.02)
    assert found.calibration_error == 0.5


def test_a_verdict_has_no_say_in_its_own_correction():
    rng = np.random.default_rng(0)
    probability = rng.uniform(0.5, 1, 45)
    is_error = rng.random(45) < 0.6
    found = held_out_recalibrated(probability, is_error, SETTINGS)
    # The fold of a verdict is what changes nothing else's correction of its own fold when it is turned round.
    for place in (0, 7, 44):
        turned = is_error.copy()
        turned[place] = ~turned[place]
        other = held_out_recalibrated(probability, turned, SETTINGS)
        assert other[place] == found[place]
        num_same = int((other == found).sum())
        assert num_same in (45 // SETTINGS.num_folds, 45 // SETTINGS.num_folds + 1)


def test_a_correction_learnt_elsewhere_brings_overrated_probabilities_down():
    rng = np.random.default_rng(1)
    probability = rng.uniform(0.7, 1, 300)
    is_error = rng.random(300) < probability - 0.3
    corrected = held_out_recalibrated(probability, is_error, SETTINGS)
    assert (
        reliability(corrected, is_error, SETTINGS).calibration_error
        < 0.5 * reliability(probability, is_error, SETTINGS).calibration_error
    )
    np.testing.assert_allclose(
        corrected, recalibrated(probability, np.arange(300), is_error, SETTINGS), atol=0.1
    )  # what all verdicts together say is close to it


def test_a_single_verdict_leaves_its_probability_as_it_is():
    assert held_out_recalibrated(np.array([0.9]), np.array([True]), SETTINGS).tolist() == [0.9]
