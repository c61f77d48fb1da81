import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from overread.detection.cross_validation import cross_validated_probs
from overread.detection.detection_data import DetectionData
from overread.detection_settings import CrossValidationSettings


def probs_of(embeddings, given, groups=None, is_trained=None, *, num_classes=3, num_folds=5, seed=0):
    num_samples = len(given)
    data = DetectionData(
        embeddings,
        np.asarray(given),
        np.arange(num_samples) if groups is None else np.asarray(groups),
        np.ones(num_samples, dtype=bool) if is_trained is None else is_trained,
        num_classes,
    )
    return cross_validated_probs(data, CrossValidationSettings(num_folds), seed=seed)


def made_samples(num_samples=60, num_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    given = rng.integers(0, num_classes, num_samples)
    centres = 2 * rng.normal(size=(num_classes, 6))
    return centres[given] + rng.normal(size=(num_samples, 6)), given


def fold_of(probs):
    """Samples without any feature in common with those fitted on get one and the same answer from each fold."""
    return np.unique(probs, axis=0, return_inverse=True)[1]


def test_what_only_the_sample_itself_could_tell_is_not_known():
    """Every sample has a feature that no other has: a model that saw its label would know that label."""
    rng = np.random.default_rng(0)
    given = rng.integers(0, 3, 40)
    probs = probs_of(np.eye(40), given)
    folds = fold_of(probs)
    assert folds.max() + 1 <= 5  # a fold's samples all get the same answer, whatever their own labels
    assert any(len(set(given[folds == fold])) > 1 for fold in range(folds.max() + 1))


@pytest.mark.parametrize("group_size", [2, 4])
def test_what_only_the_sample_s_group_could_tell_is_not_known(group_size):
    groups = np.repeat(np.arange(12), group_size)
    given = np.repeat(np.arange(12) % 3, group_size)
    shuffled = np.random.default_rng(0).permutation(len(groups))
    groups, given = groups[shuffled], given[shuffled]
    folds = fold_of(probs_of(np.eye(12)[groups], given, groups))
    assert 2 <= folds.max() + 1 <= 5
    for group in range(12):
        assert len(set(folds[groups == group])) == 1


def test_labels_that_change_places_within_a_group_leave_their_own_probabilities_alone():
    """The folds look at the labels of whole groups only, so here they stay; all that was fitted on others changes."""
    embeddings, given = made_samples()
    groups = np.arange(60) // 3
    group = next(g for g in range(20) if len(set(given[groups == g])) == 3)
    members = np.flatnonzero(groups == group)
    swapped = given.copy()
    swapped[members] = np.roll(given[members], 1)
    before, after = probs_of(embeddings, given, groups), probs_of(embeddings, swapped, groups)
    np.testing.assert_array_equal(before[members], after[members])
    assert (before != after).any(axis=1).sum() > 30


def test_with_as_many_folds_as_samples_each_is_judged_by_all_the_others():
    embeddings, given = made_samples(num_samples=12, num_classes=2)
    given[:6], given[6:] = 0, 1
    probs = probs_of(embeddings, given, num_classes=2, num_folds=12)
    for i in range(12):
        others = np.arange(12) != i
        scaler = StandardScaler().fit(embeddings[others].astype(np.float32))
        model = LogisticRegression(C=CrossValidationSettings().regularisation, max_iter=5000)
        model.fit(scaler.transform(embeddings[others]), given[others])
        np.testing.assert_allclose(probs[i], model.predict_proba(scaler.transform(embeddings[[i]]))[0], atol=1e-3)


def test_a_class_that_only_the_held_out_part_has_gets_no_probability():
    embeddings, given = made_samples(num_classes=2)
    groups = np.arange(60)
    rare = [7, 20, 33]
    given[rare], groups[rare] = 2, 100  # all of class 2 in one group
    probs = probs_of(embeddings, given, groups)
    assert (probs[rare, 2] == 0).all()
    assert (np.delete(probs[:, 2], rare) > 0).any()
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    "given",
    [[0] * 30 + [1], [0] * 30 + [1, 2, 2], [0, 1], [0, 1, 2], [0, 0, 1, 1, 2, 2], [0] * 4 + [1] * 4],
    ids=str,
)
def test_tiny_classes_warn_of_nothing_and_give_numbers(given):
    embeddings = np.random.default_rng(0).normal(size=(len(given), 5))
    probs = probs_of(embeddings, given)
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)
    assert (probs >= 0).all()


def test_random_small_cases_warn_of_nothing_and_give_numbers():
    rng = np.random.default_rng(0)
    for seed in range(12):
        num_samples, num_classes = int(rng.integers(4, 40)), int(rng.integers(2, 6))
        given = np.minimum(*rng.integers(0, num_classes, (2, num_samples)))
        given[:2] = 0, 1
        groups = np.minimum(*rng.integers(0, num_samples, (2, num_samples)))  # some far larger than others
        is_trained = rng.random(num_samples) < 0.8
        is_trained[:2] = True
        embeddings = rng.normal(size=(num_samples, 4))
        probs = probs_of(embeddings, given, groups, is_trained, num_classes=num_classes, seed=seed)
        assert probs.shape == (num_samples, num_classes)
        np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)


def test_one_group_that_holds_everything_says_nothing():
    embeddings, given = made_samples()
    np.testing.assert_allclose(probs_of(embeddings, given, np.zeros(60, dtype=int)), 1 / 3, atol=1e-6)


def test_labels_of_samples_that_are_not_trained_on_change_nothing():
    embeddings, given = made_samples()
    is_trained = np.arange(60) < 45
    other = given.copy()
    other[45:] = (given[45:] + 1) % 3
    first, second = (probs_of(embeddings, labels, is_trained=is_trained) for labels in (given, other))
    np.testing.assert_array_equal(first, second)
    assert (first[45:].argmax(axis=1) == given[45:]).mean() > 0.8


def test_folds_do_not_follow_the_order_of_the_samples():
    """Sorted by class, consecutive folds would each lack a class; shuffled ones hold all in proportion."""
    given = np.repeat([0, 1], 25)
    probs = probs_of(np.eye(50), given, num_classes=2)
    np.testing.assert_allclose(probs, 0.5, atol=0.02)


def test_one_seed_gives_one_result():
    embeddings, given = made_samples()
    first, second, other = (probs_of(embeddings, given, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


def test_wrong_labels_get_little_probability():
    embeddings, given = made_samples(num_samples=150)
    noisy = given.copy()
    noisy[::10] = (given[::10] + 1) % 3
    probs = probs_of(embeddings, noisy)
    doubt = 1 - probs[np.arange(150), noisy]
    assert np.median(doubt[::10]) > np.quantile(np.delete(doubt, np.arange(0, 150, 10)), 0.9)
