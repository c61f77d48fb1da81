from dataclasses import replace

import numpy as np
import pytest

from overread.benchmark.cells import make_cell, noises_of
from overread.benchmark.regimes import REGIMES
from tests.core.benchmark.made_task import made_task


@pytest.fixture(scope="module")
def chest():
    """600 striped images under the name of the chest X-rays, in two classes, of which the second is the commoner."""
    task = made_task(num_images=2400, size_px=32)
    return replace(task, name="chest_xray", true=np.minimum(task.true, 1), classes=("across", "down"), human_labels={})


def test_the_regimes_of_a_task_are_asked_for_by_one_word(chest):
    assert noises_of(chest, ["regimes"]) == list(REGIMES["chest_xray"])
    assert noises_of(chest, ["missed30", "rare"]) == ["missed30"]
    assert "missed30" not in noises_of(chest)


@pytest.mark.parametrize("regime", REGIMES["chest_xray"])
def test_a_regime_s_labels_follow_from_its_task_and_seed(chest, regime):
    if regime == "imbalanced":
        chest = replace(chest, true=np.arange(len(chest.true)) % 2)
    cell, again = make_cell(chest, regime, 0), make_cell(chest, regime, 0)
    np.testing.assert_array_equal(cell.given, again.given)
    true = chest.true[cell.rows]
    np.testing.assert_array_equal(cell.true, 1 - true if regime == "imbalanced" else true)
    assert len(cell.given) == len(cell.groups) == len(cell.rows) == len(np.unique(cell.rows))
    assert (cell.given != cell.true).any() == (regime != "unchanged")


def test_missed_findings_are_wrong_in_one_direction_only(chest):
    cell = make_cell(chest, "missed40", 0)
    is_wrong = cell.given != cell.true
    assert set(cell.true[is_wrong]) == {1}
    assert is_wrong[cell.true == 1].mean() == pytest.approx(0.4, abs=0.04)


def test_a_batch_is_of_one_class_and_wrong_as_a_whole(chest):
    cell = make_cell(chest, "batch", 0)
    is_wrong = cell.given != cell.true
    assert len(set(cell.true[is_wrong])) == 1
    assert 0.02 < is_wrong.mean() < 0.08


def test_a_swapped_site_is_wrong_throughout_and_the_other_nowhere(chest):
    cell = make_cell(chest, "swapped_site", 0)
    is_wrong = cell.given != cell.true
    assert is_wrong.mean() == pytest.approx(1 / 3, abs=0.05)
    assert all(len(set(is_wrong[cell.groups == group])) == 1 for group in np.unique(cell.groups))


def test_pure_groups_are_five_of_one_class_each(chest):
    cell = make_cell(chest, "pure_groups", 0)
    assert sorted({(group, label) for group, label in zip(cell.groups, cell.true, strict=True)}) == [
        (0, 0),
        (1, 1),
        (2, 0),
        (3, 1),
        (4, 0),
    ]


def test_a_rare_class_is_the_last_of_those_that_are_drawn():
    task = replace(made_task(num_images=6000), name="cifar10n", human_labels={})
    task = replace(task, true=np.arange(6000) % 10, classes=tuple("abcdefghij"))
    cell = make_cell(task, "rare", 0)
    assert np.bincount(cell.true).tolist() == [425, 425, 425, 425, 34]
    assert cell.num_classes == 5
    assert (cell.given != cell.true).mean() == pytest.approx(0.1, abs=0.03)
    assert (make_cell(task, "rare_unchanged", 0).given == make_cell(task, "rare_unchanged", 0).true).all()


@pytest.fixture(scope="module")
def cifar():
    """1,500 plain images in ten classes, as light as chance will have it."""
    task = replace(made_task(num_images=1500), name="cifar10n", human_labels={})
    names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    pixels = np.random.default_rng(0).integers(0, 256, (1500, 1, 1, 1)).astype(np.uint8)
    return replace(task, true=np.arange(1500) % 10, classes=names, pixels=np.broadcast_to(pixels, task.pixels.shape))


def test_a_hard_pair_is_cats_and_dogs_with_so_many_labels_wrong(cifar):
    task = replace(cifar, true=3 + 2 * (np.arange(1500) % 2), pixels=made_task(num_images=1500).pixels)
    for regime, rate in (("hard_pair_boundary20", 0.2), ("hard_pair_unchanged", 0)):
        cell = make_cell(task, regime, 0)
        assert np.bincount(cell.true).tolist() == [300, 300]
        np.testing.assert_array_equal(cell.true, (task.true[cell.rows] == 5).astype(int))
        assert (cell.given != cell.true).mean() == pytest.approx(rate, abs=0.06)


def test_many_small_classes_are_dark_middling_and_light_images_of_eight_others(cifar):
    cell = make_cell(cifar, "many_small", 0)
    assert np.bincount(cell.true).tolist() == [20] * 24
    assert (cell.given != cell.true).mean() == pytest.approx(0.1, abs=0.04)
    brightness = cifar.pixels[cell.rows, 0, 0, 0].astype(int)
    for first in range(0, 24, 3):
        dark, middling, light = (brightness[cell.true == first + part] for part in range(3))
        assert dark.max() < middling.min() and middling.max() < light.min()
        assert len(set(cifar.true[cell.rows[np.isin(cell.true, range(first, first + 3))]])) == 1
    unchanged = make_cell(cifar, "many_small_unchanged", 0)
    assert (unchanged.given == unchanged.true).all()
