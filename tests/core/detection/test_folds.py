import numpy as np
import pytest

from overread.detection.folds import grouped_folds


def made_case(num_samples=200, num_groups=60, num_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.choice(num_classes, num_samples, p=[0.7, 0.25, 0.05]), rng.integers(0, num_groups, num_samples)


def test_every_sample_is_held_out_once_and_no_group_is_on_both_sides():
    given, groups = made_case()
    folds = grouped_folds(given, groups, 5, seed=0)
    assert len(folds) == 5
    assert sorted(np.concatenate([held_out for _, held_out in folds])) == list(range(200))
    for fitted, held_out in folds:
        assert sorted([*fitted, *held_out]) == list(range(200))
        assert not set(groups[fitted]) & set(groups[held_out])


def test_each_fold_holds_out_each_class_in_proportion():
    rng = np.random.default_rng(0)
    given = rng.choice(3, 1000, p=[0.7, 0.25, 0.05])
    for _, held_out in grouped_folds(given, np.arange(1000), 5, seed=0):
        counts = np.bincount(given[held_out], minlength=3)
        np.testing.assert_allclose(counts, np.bincount(given) / 5, atol=1)


def test_a_seed_gives_the_same_folds_and_another_others():
    given, groups = made_case()

    def held_out(seed):
        return [sorted(places) for _, places in grouped_folds(given, groups, 5, seed)]

    assert held_out(3) == held_out(3)
    assert held_out(3) != held_out(4)


def test_there_are_no_more_folds_than_groups():
    given = np.arange(60) % 2
    folds = grouped_folds(given, np.arange(60) % 3, 5, seed=0)
    assert sorted(len(held_out) for _, held_out in folds) == [20, 20, 20]


def test_one_group_has_no_folds():
    assert grouped_folds(np.arange(10) % 2, np.zeros(10, dtype=int), 5, seed=0) == []


def test_no_fold_is_empty_where_groups_are_few_and_uneven():
    given = np.random.default_rng(0).integers(0, 4, 33)
    for sizes in ([5, 10, 4, 5, 9], [1, 1, 1, 1, 29], [15, 15, 1, 1, 1]):
        groups = np.repeat(np.arange(5), sizes)
        for seed in range(60):
            folds = grouped_folds(given, groups, 5, seed)
            assert all(len(fitted) and len(held_out) for fitted, held_out in folds)
            assert sum(len(held_out) for _, held_out in folds) == 33


@pytest.mark.parametrize("counts", [[50, 1], [50, 2, 1], [1, 1, 1, 1, 1, 1], [2, 2, 2]])
def test_classes_with_fewer_samples_than_folds_are_no_obstacle(counts):
    given = np.repeat(np.arange(len(counts)), counts)
    folds = grouped_folds(given, np.arange(len(given)), 5, seed=0)
    assert sorted(np.concatenate([held_out for _, held_out in folds])) == list(range(len(given)))
