import numpy as np
import pytest

from overread.detection.calibration import recalibrated
from overread.detection.error_range import ErrorRange
from overread.detection.proposal_set import recall_band, trade_off
from overread.proposal_settings import CalibrationSettings

EVERYONE = np.ones(200, dtype=bool)


def made(seed=0):
    rng = np.random.default_rng(seed)
    probability = rng.beta(0.3, 0.6, 200)
    return ErrorRange.of([probability**0.5, probability**2, probability])


def test_the_ends_are_the_models_that_expect_the_fewest_and_the_most():
    found = made()
    assert (found.low <= found.high).all()
    np.testing.assert_allclose(found.low, found.high**4)


def test_overlap_shifts_the_log_odds_of_both_ends_by_three_times_its_root():
    found, wide = made(), made().widened(0.04)
    logit = lambda p: np.log(p / (1 - p))  # noqa: E731
    np.testing.assert_allclose(logit(found.low) - logit(wide.low), 0.6)
    np.testing.assert_allclose(logit(wide.high) - logit(found.high), 0.6)
    assert (wide.overlap, wide.has_weak_features, made().widened(0.11).has_weak_features) == (0.04, False, True)


def test_what_is_impossible_or_certain_stays_so():
    wide = ErrorRange(np.array([0.0, 1.0]), np.array([0.0, 1.0])).widened(0.3)
    np.testing.assert_array_equal([wide.low, wide.high], [[0, 1], [0, 1]])


def test_verdicts_bring_the_ends_together_by_the_calibration_of_each():
    found, settings = made().widened(0.1), CalibrationSettings()
    places = np.arange(0, 200, 2)
    is_error = np.random.default_rng(1).random(100) < found.low[places]
    mended = found.recalibrated(places, is_error, settings)
    np.testing.assert_allclose(mended.low, recalibrated(found.low, places, is_error, settings))
    assert mended.overlap == 0.1

    def width(one):
        low, high = one.counts(EVERYONE)
        return high - low

    assert width(mended) < width(found) / 2


def test_the_band_of_recalls_is_that_of_the_samples_read_so_far():
    found = made()
    probability = found.high.round(2)
    curve, (low, high) = trade_off(probability), recall_band(probability, found)
    for point in range(0, len(curve.num_samples), 7):
        is_read = probability >= curve.min_probability[point]
        assert (low[point], high[point]) == pytest.approx(found.recalls(is_read))
    assert recall_band(probability, None) is None
