import numpy as np
import pytest

from overread.detection import error_rate as module
from overread.detection_settings import ErrorRateSettings

SETTINGS = ErrorRateSettings()


def three_rater_error_rate(given, first, second, *, num_classes):
    prior = SETTINGS.diagonal_prior
    return module.three_rater_error_rate(given, first, second, num_classes=num_classes, diagonal_prior=prior)


def estimate_error_rate(features, given, groups, class_probs, **settings):
    return module.estimate_error_rate(features, given, groups, class_probs, ErrorRateSettings(**settings), seed=0)


def flipped(labels, num_classes, rate, rng):
    """Each label another one with probability `rate`."""
    shifts = rng.integers(1, num_classes, len(labels))
    return np.where(rng.random(len(labels)) < rate, (labels + shifts) % num_classes, labels)


def made_features(true, num_classes, rng, *, distance=1.2, width=12):
    centres = distance * rng.normal(size=(num_classes, width))
    return (centres[true] + rng.normal(size=(len(true), width))).astype(np.float32)


@pytest.mark.parametrize("num_classes", [2, 5])
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.3])
def test_the_labels_error_rate_follows_from_two_views_that_err_on_their_own(num_classes, rate):
    rng = np.random.default_rng(0)
    true = rng.integers(0, num_classes, 20_000)
    given, first, second = (flipped(true, num_classes, each, rng) for each in (rate, 0.15, 0.25))
    assert three_rater_error_rate(given, first, second, num_classes=num_classes) == pytest.approx(rate, abs=0.02)


def test_with_two_classes_the_rate_is_the_solution_of_the_three_agreements():
    """Of 1,000 images: 2 a - 1 is 0.8 between the first view and the labels, 0.4 with the second, 0.5 between both."""
    given = np.zeros(1000, dtype=int)
    first, second = np.zeros(1000, dtype=int), np.zeros(1000, dtype=int)
    first[:100] = 1
    second[25:325] = 1
    product = (2 * (given == first).mean() - 1) * (2 * (given == second).mean() - 1)
    between = 2 * (first == second).mean() - 1
    expected = (1 - np.sqrt(product / between)) / 2
    assert between == pytest.approx(0.5)
    assert three_rater_error_rate(given, first, second, num_classes=2) == pytest.approx(expected)


def test_images_that_are_ambiguous_to_both_views_are_not_taken_for_wrong_labels():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 6, 20_000)
    is_unclear = rng.random(20_000) < 0.25
    given = flipped(true, 6, 0.08, rng)
    first, second = (np.where(is_unclear, flipped(true, 6, 0.7, rng), flipped(true, 6, 0.05, rng)) for _ in range(2))
    wrong_for_both = ((first != given) & (second != given)).mean()
    assert wrong_for_both > 0.18
    assert three_rater_error_rate(given, first, second, num_classes=6) == pytest.approx(0.08, abs=0.03)


@pytest.mark.parametrize(("num_classes", "rate"), [(2, 0.0), (2, 0.2), (4, 0.0), (4, 0.2)])
def test_the_rate_of_made_wrong_labels_is_found_from_features(num_classes, rate):
    rng = np.random.default_rng(1)
    true = rng.integers(0, num_classes, 1500)
    features = made_features(true, num_classes, rng)
    given = flipped(true, num_classes, rate, rng)
    classes = np.eye(num_classes)[true]
    found = estimate_error_rate(features, given, np.arange(1500), classes)
    assert found.share == pytest.approx((given != true)[found.is_covered].mean(), abs=0.05)
    assert estimate_error_rate(features, given, np.arange(1500), classes).share == found.share


def test_labels_wrong_in_one_direction_are_counted_where_the_true_frequencies_are_known():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 2, 3000)
    features = made_features(true, 2, rng)
    given = np.where((true == 1) & (rng.random(3000) < 0.4), 0, true)
    found = estimate_error_rate(features, given, np.arange(3000), np.eye(2)[true])
    assert found.share == pytest.approx((given != true)[found.is_covered].mean(), abs=0.03)
    # By the labels' frequencies both views would miss the same 40 %.
    unknown = estimate_error_rate(features, given, np.arange(3000), np.eye(2)[given])
    assert unknown.share < found.share / 2


def test_of_two_classes_the_rate_is_covered_of_the_clearer_images(monkeypatch):
    """Labels are wrong on ambiguous images, where the views err too: over all images the rate would be too low."""
    rng = np.random.default_rng(0)
    true, doubt = rng.integers(0, 2, 20_000), rng.random(20_000) ** 2

    def seen(*_, **settings):
        return np.where(rng.random(20_000) < doubt / 2, 1 - true, true)

    monkeypatch.setattr(module, "_out_of_fold_classes", seen)
    given = seen()
    is_wrong = given != true
    classes = np.stack([1 - doubt / 2, doubt / 2], axis=1)
    features = rng.normal(size=(20_000, 4)).astype(np.float32)
    found = estimate_error_rate(features, given, np.arange(20_000), classes)
    np.testing.assert_array_equal(found.is_covered, doubt < np.sort(doubt)[16_000])
    assert found.share == pytest.approx(is_wrong[found.is_covered].mean(), abs=0.01)
    assert three_rater_error_rate(given, seen(), seen(), num_classes=2) < is_wrong.mean() - 0.02


def test_few_images_are_not_stratified():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 2, 499)
    classes = np.eye(2)[true]
    found = estimate_error_rate(made_features(true, 2, rng), true, np.arange(499), classes)
    assert found.is_covered.all()


def test_uninformative_features_say_little_about_the_labels():
    rng = np.random.default_rng(0)
    given = rng.integers(0, 4, 800)
    features = rng.normal(size=(800, 10)).astype(np.float32)
    assert estimate_error_rate(features, given, np.arange(800), np.full((800, 4), 0.25)).share < 0.1


def test_a_rare_class_that_is_labelled_right_is_not_doubted():
    rng = np.random.default_rng(0)
    true = (rng.random(3000) < 0.02).astype(int)
    features = made_features(true, 2, rng, distance=1.0)
    assert estimate_error_rate(features, true, np.arange(3000), np.eye(2)[true]).share < 0.005


@pytest.mark.parametrize("num_samples", [1, 2, 5, 12])
def test_of_a_handful_of_samples_the_rate_is_a_number_from_0_to_1(num_samples):
    rng = np.random.default_rng(0)
    features, given = rng.normal(size=(num_samples, 4)).astype(np.float32), np.arange(num_samples) % 3
    classes = np.eye(3)[given]
    assert 0 <= estimate_error_rate(features, given, np.arange(num_samples), classes).share < 1
    assert estimate_error_rate(features, given, np.zeros(num_samples, dtype=int), classes).share == 0


def test_views_that_agree_less_than_asked_for_say_nothing():
    rng = np.random.default_rng(1)
    true = rng.integers(0, 2, 1500)
    features, given = made_features(true, 2, rng), flipped(true, 2, 0.2, rng)
    classes = np.eye(2)[true]
    assert estimate_error_rate(features, given, np.arange(1500), classes).share > 0.1
    assert estimate_error_rate(features, given, np.arange(1500), classes, agreement_range=(0.98, 1.0)).share == 0
