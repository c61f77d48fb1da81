import numpy as np
import pytest

from overread.detection.network_trial import try_network
from overread.detection_settings import DetectionSettings

NUM_SAMPLES, NUM_CLASSES = 600, 3


@pytest.fixture
def labels():
    """True labels, and given ones of which a tenth are wrong."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, NUM_CLASSES, NUM_SAMPLES)
    is_wrong = rng.random(NUM_SAMPLES) < 0.1
    return true, np.where(is_wrong, (true + 1) % NUM_CLASSES, true)


def guesses(true, accuracy, seed):
    """Probabilities of a classifier that is right on that share of the samples, as it says itself."""
    rng = np.random.default_rng(seed)
    is_right = rng.random(len(true)) < accuracy
    guess = np.where(is_right, true, (true + rng.integers(1, NUM_CLASSES, len(true))) % NUM_CLASSES)
    probs = np.full((len(true), NUM_CLASSES), (1 - accuracy) / (NUM_CLASSES - 1), dtype=np.float32)
    probs[np.arange(len(true)), guess] = accuracy
    return probs


def test_a_network_that_knows_more_is_worth_its_time_and_one_that_guesses_is_not(labels):
    true, given = labels
    own = guesses(true, 0.7, seed=1)
    better = try_network(own, guesses(true, 0.9, seed=2), given, DetectionSettings())
    assert better.is_worthwhile(2)
    chance = np.random.default_rng(3).dirichlet(np.ones(NUM_CLASSES), NUM_SAMPLES).astype(np.float32)
    assert not try_network(own, chance, given, DetectionSettings()).is_worthwhile(1)


def test_a_network_that_says_the_same_changes_nothing(labels):
    true, given = labels
    own = guesses(true, 0.8, seed=1)
    trial = try_network(own, own, given, DetectionSettings())
    assert trial.gain == pytest.approx(0, abs=0.01)
    assert not trial.is_worthwhile(1)
