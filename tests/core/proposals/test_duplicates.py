import numpy as np
import pytest

from core.proposals.duplicates import SAME_CLASS, conflict_score, posterior_with_duplicates
from core.proposals.noise_model import NoiseModel, blurred

NOISE = NoiseModel(1.5, np.array([[0.8, 0.15, 0.05], [0.1, 0.7, 0.2], [0.05, 0.05, 0.9]]), blur=0.8)


def made_case(seed=0, num_samples=40, num_pictures=8):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(3, 0.7), num_samples) * 0.97 + 0.01
    return probs, rng.integers(0, 3, num_samples), rng.integers(-1, num_pictures, num_samples)


def shown_by(noise, probs):
    sharpened = probs**noise.sharpness
    return sharpened / sharpened.sum()


def parts(noise, shown):
    """What each class's probability is in truth, and what it is drawn anew with."""
    true = shown ** (1 + noise.blur**2 / 4)
    true /= true.sum()
    kept = min(1, (shown / true).min()) * (1 - 0.5 * noise.blur / (1 + noise.blur))
    return true, shown - kept * true


def drawn(noise, redrawn, true, label):
    """The probability of a given label where the class is `true`."""
    return (1 - redrawn.sum()) * noise.transition[true, label] + redrawn @ noise.transition[:, label]


def one_pass(noise, probs, given, pictures, own):
    """Bayes' rule picture by picture, in plain loops."""
    posterior = own.copy()
    for picture in set(pictures[pictures >= 0].tolist()):
        members = np.flatnonzero(pictures == picture)
        if len(set(given[members].tolist())) == 1:
            continue
        shown = np.prod([shown_by(noise, probs[i]) for i in members], axis=0) ** (1 / len(members))
        shown /= shown.sum()
        true, redrawn = parts(noise, shown)
        together = np.array(
            [true[k] * np.prod([drawn(noise, redrawn, k, given[i]) for i in members]) for k in range(3)]
        )
        apart = 1.0
        for i in members:
            alone = shown_by(noise, probs[i])
            apart *= sum(alone[k] * noise.transition[k, given[i]] for k in range(3))
        share = SAME_CLASS * together.sum() / (SAME_CLASS * together.sum() + (1 - SAME_CLASS) * apart)
        for i in members:
            posterior[i] = share * together / together.sum() + (1 - share) * own[i]
    return posterior


def test_the_posterior_is_bayes_rule_over_the_common_class_with_the_transition_estimated_again():
    probs, given, pictures = made_case()
    own = NOISE.posterior(probs, given)
    plain = NoiseModel(NOISE.sharpness, NOISE.transition)
    first = one_pass(plain, probs, given, pictures, plain.posterior(probs, given))
    counts = 2.0 * np.eye(3)
    for row, label in zip(first, given, strict=True):
        counts[:, label] += row
    again = NoiseModel(NOISE.sharpness, counts / counts.sum(axis=1, keepdims=True))
    again = blurred(again, probs, given, NOISE.error_rate(probs, given))
    expected = one_pass(again, probs, given, pictures, own)
    assert posterior_with_duplicates(NOISE, probs, given, pictures) == pytest.approx(expected, abs=1e-5)


def test_samples_alone_and_pictures_of_one_label_keep_their_own_posterior():
    probs, given, pictures = made_case()
    pictures[:3] = [100, 100, 100]
    given[:3] = 1
    posterior, own = posterior_with_duplicates(NOISE, probs, given, pictures), NOISE.posterior(probs, given)
    kept = (pictures == -1) | (pictures == 100)
    assert np.array_equal(posterior[kept], own[kept])
    assert np.array_equal(posterior_with_duplicates(NOISE, probs, given, np.full(40, -1)), own)
    assert posterior.sum(axis=1) == pytest.approx(1)


def test_one_of_four_labels_of_a_picture_is_doubted_and_the_others_are_not():
    probs, given = np.full((4, 3), 1 / 3), np.array([2, 2, 0, 2])
    posterior = posterior_with_duplicates(NOISE, probs, given, np.zeros(4, dtype=int))
    assert posterior.argmax(axis=1).tolist() == [2, 2, 2, 2]
    assert posterior[2, 0] < 0.1


def test_what_the_images_show_clearly_stands_against_a_link_that_is_wrong():
    probs = np.array([[0.998, 0.001, 0.001], [0.001, 0.001, 0.998]])
    posterior = posterior_with_duplicates(NOISE, probs, np.array([0, 2]), np.zeros(2, dtype=int))
    assert posterior.argmax(axis=1).tolist() == [0, 2]


def test_the_score_is_the_share_of_a_picture_s_labels_that_differ():
    given = np.array([0, 1, 1, 1, 2, 2, 0])
    pictures = np.array([5, 5, 5, 5, 1, 1, -1])
    assert conflict_score(given, pictures).tolist() == [0.75, 0.25, 0.25, 0.25, 0, 0, 0]
    assert conflict_score(given, np.full(7, -1)).tolist() == [0] * 7
