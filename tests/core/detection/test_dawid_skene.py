import math

import numpy as np
import pytest

from overread.detection.dawid_skene import MISSING, dawid_skene

PEER_VOTES = """
111. 0002 .002 0102 2201 2.01 1221 1.20 1200 20.2 2..1 00.. 220. 0..2 0111 0010 2212 1112 0001 2020
.000 .2.1 1111 1011 111. 00.. 2222 2220 11.. 11.0 2111 0.00 0000 1110 1220 00.. ..1. 2.22 2022 1021
21.1 100. .102 0101 0202 .222 20.2 ..11 .200 22.1 11.1 0.00 2212 ..12 1021 .212 220. 1111 0.02 ..01
"""
# Of these votes by crowd-kit 1.4.2's DawidSkene(n_iter=5000, tol=1e-13), which smooths nothing.
PEER_POSTERIOR = [
    [0.0, 1.0, 0.0],
    [1.0, 0.0, 0.0],
    [0.7995, 0.0, 0.2005],
    [1.0, 0.0, 0.0],
    [0.0, 0.0, 1.0],
    [0.0, 0.0, 1.0],
    [0.0, 0.0, 1.0],
    [0.0, 0.0, 1.0],
    [0.0, 0.0, 1.0],
    [0.0, 0.0079, 0.9921],
    [0.0, 0.21, 0.79],
    [0.9944, 0.0056, 0.0],
]
PEER_PRIORS = [0.2972, 0.2468, 0.456]
PEER_CONFUSION = [[1.0, 0.0, 0.0], [0.0747, 0.7526, 0.1727], [0.0, 0.3308, 0.6692]]  # the first rater's


def peer_votes():
    return np.array([[MISSING if vote == "." else int(vote) for vote in row] for row in PEER_VOTES.split()])


def made_votes(num_samples=400, skills=(0.9, 0.75, 0.6, 0.6), num_classes=4, missing=0.3, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, num_classes, num_samples)
    shape = (num_samples, len(skills))
    votes = np.where(rng.random(shape) < skills, true[:, None], rng.integers(0, num_classes, shape))
    votes[rng.random(shape) < missing] = MISSING
    return votes, true


def test_it_finds_what_crowd_kit_finds():
    found = dawid_skene(peer_votes(), 3, smoothing=0, max_steps=20_000, tolerance=1e-14)
    np.testing.assert_allclose(found.posterior[:12], PEER_POSTERIOR, atol=6e-5)
    np.testing.assert_allclose(found.priors, PEER_PRIORS, atol=6e-5)
    np.testing.assert_allclose(found.confusion[0], PEER_CONFUSION, atol=6e-5)


@pytest.mark.parametrize("smoothing", [0.5, 2.0])
def test_one_step_is_that_of_plain_loops(smoothing):
    votes, _ = made_votes(num_samples=40, num_classes=3)
    rated = [row for row in votes.tolist() if set(row) != {MISSING}]
    posterior = []
    for row in rated:
        cast = [vote for vote in row if vote != MISSING]
        posterior.append([cast.count(k) / len(cast) for k in range(3)])
    confusion = np.zeros((4, 3, 3))
    for rater, true in np.ndindex(4, 3):
        for vote in range(3):
            tally = sum(p[true] for p, row in zip(posterior, rated, strict=True) if row[rater] == vote)
            confusion[rater, true, vote] = tally + smoothing / 3
        confusion[rater, true] /= confusion[rater, true].sum()
    priors = np.mean(posterior, axis=0)
    expected = []
    for row in rated:
        joint = [
            priors[k] * math.prod(confusion[rater, k, vote] for rater, vote in enumerate(row) if vote != MISSING)
            for k in range(3)
        ]
        expected.append([value / sum(joint) for value in joint])
    found = dawid_skene(votes, 3, smoothing=smoothing, max_steps=1)
    assert (found.num_steps, found.has_converged) == (1, False)
    np.testing.assert_allclose(found.confusion, confusion)
    np.testing.assert_allclose(found.posterior[(votes != MISSING).any(axis=1)], expected, atol=1e-6)


def test_raters_are_believed_as_far_as_they_deserve():
    """More right than the majority of votes, and each rater's share of right votes known to a few per cent."""
    skills = (0.95, 0.5, 0.5, 0.5, 0.4)
    votes, true = made_votes(2000, skills, missing=0.2)
    found = dawid_skene(votes, 4)
    assert found.has_converged
    majority = (votes[:, :, None] == np.arange(4)).sum(axis=1).argmax(axis=1)
    assert (found.posterior.argmax(axis=1) == true).mean() > (majority == true).mean() + 0.03
    estimated = found.confusion.diagonal(axis1=1, axis2=2).mean(axis=1)
    np.testing.assert_allclose(estimated, [skill + (1 - skill) / 4 for skill in skills], atol=0.05)


def test_classes_are_numbers_without_an_order():
    votes, _ = made_votes()
    renamed = np.where(votes == MISSING, MISSING, np.array([2, 0, 3, 1])[votes])
    first, second = dawid_skene(votes, 4), dawid_skene(renamed, 4)
    np.testing.assert_allclose(first.posterior, second.posterior[:, [2, 0, 3, 1]], atol=1e-5)


def test_a_sample_that_nobody_rated_has_the_priors_and_changes_nothing():
    votes, _ = made_votes(missing=0)
    found = dawid_skene(np.concatenate([votes, np.full((50, 4), MISSING)]), 4)
    np.testing.assert_allclose(found.posterior[400:], np.tile(found.priors, (50, 1)), atol=1e-6)
    np.testing.assert_array_equal(found.posterior[:400], dawid_skene(votes, 4).posterior)


def test_no_votes_at_all_say_nothing():
    found = dawid_skene(np.full((5, 3), MISSING), 2)
    np.testing.assert_allclose(found.posterior, 0.5)
    np.testing.assert_allclose(found.confusion, 0.5)
    assert found.has_converged


@pytest.mark.parametrize("smoothing", [0.0, 1.0])
def test_raters_who_never_differ_are_believed(smoothing):
    given = np.arange(30) % 3
    found = dawid_skene(np.stack([given, given], axis=1), 4, smoothing=smoothing)  # and a class that nobody saw
    assert (found.posterior.argmax(axis=1) == given).all()
    assert (found.posterior.max(axis=1) > 0.95).all()
