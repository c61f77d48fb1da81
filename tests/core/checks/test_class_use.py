"""A rater who hardly uses a class, against enumeration and against raters who are all alike."""

from itertools import product

import numpy as np
import pytest

from overread.checks.agreement import MISSING
from overread.checks.class_use import check_class_use, rare_classes
from tests.app.made_study import write_study

CLASSES = ("normal", "serrated", "adenoma")


def alike(num, num_raters, seed):
    """Raters who each err on a tenth of the images."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, num)
    ratings = np.repeat(truth[:, None], num_raters, axis=1)
    is_error = rng.random(ratings.shape) < 0.1
    return np.where(is_error, rng.integers(0, 3, ratings.shape), ratings)


def test_the_chance_is_that_of_all_exchanges_of_raters_within_units():
    ratings = np.array([[0, 1, 1], [0, 1, 0], [0, 1, 1], [0, 0, 1], [0, 1, 1], [0, 1, 1], [0, 1, 1], [0, 1, 1]])
    units = np.array([0, 0, 1, 2, 3, 4, 5, 6])
    [found] = rare_classes(("a", "b", "c"), ratings, units, ("x", "y"))
    sums = [
        sum(int((ratings[units == unit, rater] == 1).sum()) for unit, rater in enumerate(raters))
        for raters in product(range(3), repeat=7)
    ]
    assert found.chance == pytest.approx(np.mean(np.array(sums) <= 0))
    assert (found.rater, found.class_name, found.num_used, found.num_images) == ("a", "y", 0, 8)
    assert found.expected == pytest.approx(7.0)


def test_a_rater_who_never_uses_a_class_is_found_and_nobody_else():
    ratings = alike(120, 3, 0)
    ratings[ratings[:, 1] == 1, 1] = 2
    [found] = rare_classes(("A", "B", "C"), ratings, np.arange(120), CLASSES)
    assert (found.rater, found.class_name, found.num_used) == ("B", "serrated", 0)


def test_raters_who_are_alike_are_left_in_peace():
    found = [rare_classes(("A", "B", "C"), alike(60, 3, seed), np.arange(60), CLASSES) for seed in range(40)]
    assert sum(map(bool, found)) <= 2


def test_images_of_one_patient_prove_no_more_than_one():
    ratings = alike(120, 2, 1)
    ratings[:, 0] = np.where(ratings[:, 0] == 1, 2, ratings[:, 0])
    assert rare_classes(("A", "B"), ratings, np.arange(120), CLASSES)
    assert not rare_classes(("A", "B"), ratings, np.zeros(120, dtype=np.int64), CLASSES)


def test_images_that_nobody_else_read_say_nothing():
    ratings = alike(120, 2, 1)
    ratings[:, 0] = np.where(ratings[:, 0] == 1, 2, ratings[:, 0])
    ratings[:, 1] = MISSING
    assert not rare_classes(("A", "B"), ratings, np.arange(120), CLASSES)


def test_the_check_warns_of_it(tmp_path):
    samples = write_study(tmp_path).samples()
    samples["reader_B"] = samples["reader_A"].replace("serrated", "adenoma")
    classes = ("adenoma", "normal", "serrated")
    [finding] = check_class_use(samples, ["reader_A", "reader_B"], np.arange(len(samples)), classes)
    assert finding.message == "reader_B never uses serrated on 48 images on which the others use it about 16 times"
