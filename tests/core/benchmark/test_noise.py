import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from overread.benchmark.noise import (
    NOISES,
    add_noise,
    boundary,
    instance_dependent,
    pair,
    reference_probs,
    scaled_to_mean,
    symmetric,
    truncated_normal,
)
from overread.errors import ConfigError

NUM_CLASSES = 4


@pytest.fixture(scope="module")
def blobs():
    """1,200 points in 20 dimensions, four classes that overlap: pixels (N, 20), labels (N,)."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 0.7, (NUM_CLASSES, 20))
    labels = rng.integers(0, NUM_CLASSES, 1200)
    return centres[labels] + rng.normal(size=(1200, 20)), labels


@pytest.mark.parametrize("noise", NOISES)
def test_the_rate_is_met_the_seed_decides_and_the_labels_stay(noise, blobs):
    pixels, labels = blobs
    given = labels.copy()
    noisy, again, other = (
        add_noise(labels, NUM_CLASSES, noise, 0.3, np.random.default_rng(seed), pixels) for seed in (5, 5, 6)
    )
    assert noisy.dtype == labels.dtype
    assert abs((noisy != labels).mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / len(labels))
    assert set(np.unique(noisy)) <= set(range(NUM_CLASSES))
    assert (noisy == again).all()
    assert (noisy != other).any()
    assert (labels == given).all()


def test_symmetric_noise_flips_to_all_other_classes_alike():
    labels = np.repeat(np.arange(NUM_CLASSES), 10_000)
    noisy = symmetric(labels, NUM_CLASSES, 0.3, np.random.default_rng(0))
    matrix = np.array([np.bincount(noisy[labels == label], minlength=NUM_CLASSES) for label in range(NUM_CLASSES)])
    expected = np.full((NUM_CLASSES, NUM_CLASSES), 0.1)
    np.fill_diagonal(expected, 0.7)
    assert np.abs(matrix / 10_000 - expected).max() < 0.02


def test_pair_noise_flips_to_the_next_class_only():
    labels = np.repeat(np.arange(NUM_CLASSES), 1000)
    noisy = pair(labels, NUM_CLASSES, 0.3, np.random.default_rng(0))
    assert set((noisy - labels) % NUM_CLASSES) == {0, 1}
    assert set(noisy[labels == 3]) == {3, 0}


def test_flip_rates_follow_the_truncated_normal():
    rates = truncated_normal(0.05, 0.1, 200_000, np.random.default_rng(0))
    assert (rates.min() >= 0) and (rates.max() <= 1)
    # mean + deviation · pdf(a) / (1 − cdf(a)), a = −0.5: the closed form of the normal cut off at 0
    assert rates.mean() == pytest.approx(0.05 + 0.1 * 0.352065 / 0.691462, abs=1e-3)


def test_the_picture_decides_where_an_instance_dependent_flip_leads(blobs):
    pixels, _ = blobs
    # The same picture many times over, with one label: its flips lead mostly to one class, and
    # to another class for another picture.
    targets = []
    for index in range(8):
        copies = np.concatenate([pixels, np.repeat(pixels[index : index + 1], 400, axis=0)])
        labels = np.zeros(len(copies), dtype=np.int64)
        noisy = instance_dependent(labels, NUM_CLASSES, 0.5, np.random.default_rng(3), copies)[len(pixels) :]
        counts = np.bincount(noisy, minlength=NUM_CLASSES)[1:]
        assert counts.max() > 0.55 * counts.sum()
        targets.append(counts.argmax())
    assert len(set(targets)) > 1


def test_an_offset_common_to_all_pictures_does_not_matter_to_instance_dependent_noise(blobs):
    pixels, labels = blobs
    plain, moved = (
        instance_dependent(labels, NUM_CLASSES, 0.4, np.random.default_rng(1), values)
        for values in (pixels, pixels + 100)
    )
    assert (plain == moved).mean() > 0.99


def test_instance_dependent_noise_of_two_classes_is_independent_of_the_picture(blobs):
    pixels, labels = blobs
    labels = labels % 2
    flips = [
        instance_dependent(labels, 2, 0.3, np.random.default_rng(1), values) != labels
        for values in (pixels, np.random.default_rng(9).normal(size=pixels.shape))
    ]
    assert (flips[0] == flips[1]).all()


def test_boundary_flips_lie_where_an_independent_model_is_unsure(blobs):
    pixels, labels = blobs
    noisy = add_noise(labels, NUM_CLASSES, "boundary", 0.2, np.random.default_rng(0), pixels)
    half = np.arange(len(labels)) % 2 == 0
    neighbours = KNeighborsClassifier(25).fit(pixels[~half], labels[~half])
    margin = np.diff(np.sort(neighbours.predict_proba(pixels[half]), axis=1)[:, -2:], axis=1)[:, 0]
    is_unsure = margin < np.quantile(margin, 0.3)
    is_sure = margin > np.quantile(margin, 0.7)
    flipped = (noisy != labels)[half]
    assert flipped[is_unsure].mean() > 2 * flipped[is_sure].mean()


def test_boundary_flips_lead_to_the_likeliest_other_class():
    probs = np.tile([0.45, 0.4, 0.1, 0.05], (1000, 1))
    labels = np.repeat([0, 1], 500)
    noisy = boundary(labels, 0.5, np.random.default_rng(0), probs)
    assert set(noisy[(labels == 0) & (noisy != labels)]) == {1}
    assert set(noisy[(labels == 1) & (noisy != labels)]) == {0}


@pytest.mark.parametrize("mean", [0.05, 0.2, 0.6, 0.95])
def test_scaling_keeps_the_order_and_meets_the_mean(mean):
    values = np.random.default_rng(0).random(500) ** 3 + 1e-4
    scaled = scaled_to_mean(values, mean)
    assert scaled.mean() == pytest.approx(mean, abs=1e-6)
    assert scaled.max() <= 1
    is_below = scaled < 1
    assert np.ptp(scaled[is_below] / values[is_below]) == pytest.approx(0, abs=1e-6)


def test_reference_probabilities_are_out_of_fold():
    # Labels without any relation to the pixels: a model that had seen them would know them.
    rng = np.random.default_rng(0)
    pixels, labels = rng.normal(size=(300, 60)), rng.integers(0, 2, 300)
    probs = reference_probs(pixels, labels, 2, rng)
    assert np.allclose(probs.sum(axis=1), 1)
    assert 0.35 < (probs.argmax(axis=1) == labels).mean() < 0.65


def test_a_class_too_small_for_the_folds_is_no_obstacle():
    rng = np.random.default_rng(0)
    labels = np.array([0] * 20 + [1] * 20 + [2])
    probs = reference_probs(rng.normal(size=(41, 10)), labels, 4, rng)
    assert probs.shape == (41, 4)
    assert (probs[:, 3] == 0).all()


@pytest.mark.parametrize(
    ("noise", "rate", "message"), [("uniform", 0.2, "--noise uniform"), ("pair", 1.5, "--rate 1.5")]
)
def test_unknown_noise_and_rates_are_refused(noise, rate, message):
    with pytest.raises(ConfigError, match=message):
        add_noise(np.array([0, 1]), 2, noise, rate, np.random.default_rng(0), None)
