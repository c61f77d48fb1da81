"""What verdicts change in the judgement."""

import numpy as np
import pytest

from overread.detection.detection_data import DetectionData
from overread.detection.judgement import judge
from overread.detection.self_training import self_train
from overread.detection_settings import DetectionSettings, RefinementSettings
from overread.verified_labels import VerifiedLabels

NUM, CLASSES = 180, 3
SETTINGS = DetectionSettings(
    RefinementSettings(num_folds=3, num_inner_folds=2, num_repeats=1, max_rounds=1, strengths=(0.01,))
)


@pytest.fixture(scope="module")
def plain(noisy):
    """The judgement without verdicts."""
    features, _, given = noisy
    return judged(features, given)


@pytest.fixture(scope="module")
def noisy():
    """Features of three clusters that overlap; a quarter of the labels of class 0 are given as 1, wherever they lie."""
    rng = np.random.default_rng(0)
    true = np.arange(NUM) % CLASSES
    features = (rng.normal(0, 1, (NUM, 6)) + 1.5 * np.eye(CLASSES, 6)[true]).astype(np.float32)
    given = np.where((true == 0) & (rng.random(NUM) < 0.25), 1, true)
    return features, true, given


def verified_of(labels, places):
    targets = np.zeros((NUM, CLASSES))
    targets[places, labels[places]] = 1
    return VerifiedLabels(targets, np.zeros(NUM, dtype=bool))


def judged(features, given, verified=None):
    data = DetectionData(features, given, np.arange(NUM), np.ones(NUM, dtype=bool), CLASSES, verified=verified)
    return judge(data, SETTINGS, seed=0)


def trained(features, given, verified):
    data = DetectionData(features, given, np.arange(NUM), np.ones(NUM, dtype=bool), CLASSES, verified=verified)
    return self_train(data, SETTINGS, seed=0).result.probs


def error_probability(judgement, given):
    return 1 - judgement.probs[np.arange(NUM), given]


def test_after_review_iteration_0_is_the_same_without_a_verdict_and_is_not_taken(noisy, plain):
    features, _, given = noisy
    nothing = judged(features, given, verified_of(given, np.array([], dtype=np.int64))).self_training
    np.testing.assert_array_equal(nothing.iterations[0].probs, plain.self_training.result.probs)
    assert len(nothing.iterations) == 2
    assert nothing.chosen == 1


def test_verdicts_bring_the_undecided_nearer_to_the_truth(noisy, plain):
    features, true, given = noisy
    decided = np.flatnonzero(np.arange(NUM) % 2 == 0)
    is_open = np.arange(NUM) % 2 == 1
    rows = np.flatnonzero(is_open)

    def loss(judgement):
        return -np.log(judgement.probs[rows, true[rows]].clip(1e-6)).mean()

    assert loss(judged(features, given, verified_of(true, decided))) < loss(plain) - 0.01


def test_a_sample_is_judged_without_its_own_verdict(noisy):
    # Two studies that differ in one verdict alone: of that sample they say the same, but for what the neighbours and
    # the recalibration, which are of all samples, make of it.
    features, true, given = noisy
    decided = np.arange(0, NUM, 4)
    verified, other = verified_of(true, decided), verified_of(true, decided)
    place = int(decided[np.flatnonzero(true[decided] == given[decided])[0]])
    other.targets[place] = np.eye(CLASSES)[(true[place] + 1) % CLASSES]
    change = abs(trained(features, given, verified) - trained(features, given, other)).max(axis=1)
    assert change[place] < min(0.02, change.max())


def test_verdicts_too_few_to_tell_leave_the_model_of_the_given_labels(noisy, plain):
    features, true, given = noisy
    few, half = (judged(features, given, verified_of(true, np.arange(0, NUM, step))) for step in (60, 2))
    unread = plain.self_training.result.probs
    np.testing.assert_array_equal(few.self_training.result.probs, unread)
    assert abs(half.self_training.result.probs - unread).max() > 0.05


def test_rejected_proposals_lower_the_probabilities_of_all(noisy, plain):
    features, _, given = noisy
    before = error_probability(plain, given)
    decided = np.argsort(-before)[:30]
    after = judged(features, given, verified_of(given, decided))
    assert error_probability(after, given).sum() < 0.6 * before.sum()
    np.testing.assert_allclose(after.probs.sum(axis=1), 1, atol=1e-9)
    assert after.probs.min() >= 0


def test_the_neighbours_vote_by_what_was_decided(noisy, plain):
    features, true, given = noisy
    everything = judged(features, given, verified_of(true, np.arange(NUM)))
    is_error = given != true
    assert everything.scores["neighbours"][is_error].mean() > plain.scores["neighbours"][is_error].mean()
