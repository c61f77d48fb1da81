import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from overread.detection.class_offsets import fit_class_offsets
from overread.detection.noise_transition import fit_noise_model
from overread.detection_settings import NoiseSettings

SETTINGS = NoiseSettings()


def made(num=1500, num_classes=2, flipped=(0.0, 0.0), seed=0, spread=1.0):
    """True classes, labels, probabilities of the labels by logistic regression, and the likelier true class of each
    point. The points are clouds in the corners of a simplex. flipped: the share of each class with the next one's
    label."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, num_classes, num)
    points = 3.0 * np.eye(num_classes)[true] + rng.normal(0, spread, (num, num_classes))
    is_flipped = rng.random(num) < np.array(flipped)[true]
    given = np.where(is_flipped, (true + 1) % num_classes, true)
    probs = LogisticRegression().fit(points, given).predict_proba(points)
    return true, given, probs, points.argmax(axis=1)


@pytest.mark.parametrize("flipped", [(0.0, 0.4), (0.5, 0.0), (0.0, 0.4, 0.0)])
def test_with_one_sided_noise_the_border_moves_to_where_both_true_classes_are_equally_likely(flipped):
    _, given, probs, likelier = made(num_classes=len(flipped), flipped=flipped)
    offsets = fit_class_offsets(probs, given, np.arange(len(given)), SETTINGS)
    before, after = (
        (shifted.argmax(axis=1) != likelier).mean() for shifted in (np.log(probs), np.log(probs) + offsets)
    )
    assert after < before / 2


@pytest.mark.parametrize("flipped", [(0.0, 0.4), (0.5, 0.0), (0.0, 0.3, 0.0)])
def test_with_offsets_as_many_labels_are_expected_to_be_wrong_as_are(flipped):
    true, given, probs, _ = made(num=3000, num_classes=len(flipped), flipped=flipped)
    offsets = fit_class_offsets(probs, given, np.arange(len(given)), SETTINGS)
    without, with_them = (
        fit_noise_model(probs, given, SETTINGS, num_standard_errors=0.5, offsets=used).error_rate(probs, given)
        for used in (0.0, offsets)
    )
    rate = (true != given).mean()
    assert with_them == pytest.approx(rate, abs=0.02)
    assert abs(without - rate) > 2 * abs(with_them - rate)


@pytest.mark.parametrize("flipped", [(0.0, 0.0), (0.2, 0.2), (0.2, 0.2, 0.2)])
@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_noise_that_is_not_one_sided_leaves_the_border_where_it_is(flipped, spread):
    _, given, probs, _ = made(num_classes=len(flipped), flipped=flipped, spread=spread)
    assert not fit_class_offsets(probs, given, np.arange(len(given)), SETTINGS).any()


def test_copies_of_a_sample_are_no_further_evidence():
    _, given, probs, _ = made(num=60, flipped=(0.5, 0.0))
    once = np.arange(60)
    copied = np.tile(once, 8)
    assert not fit_class_offsets(probs, given, once, SETTINGS).any()
    assert fit_class_offsets(probs[copied], given[copied], np.arange(480), SETTINGS).any()
    assert not fit_class_offsets(probs[copied], given[copied], copied, SETTINGS).any()


def test_with_a_single_group_or_class_there_are_no_offsets():
    _, given, probs, _ = made(num=50)
    assert fit_class_offsets(probs, given, np.zeros(50, dtype=int), SETTINGS).tolist() == [0, 0]
    assert fit_class_offsets(probs, np.zeros(50, dtype=int), np.arange(50), SETTINGS).tolist() == [0, 0]
