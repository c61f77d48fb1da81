import cv2
import numpy as np
import pytest

from overread.benchmark import cells
from overread.benchmark.cells import make_cell, noises_of
from overread.errors import ConfigError
from tests.core.benchmark.made_task import made_task


def test_a_task_with_human_labels_is_tried_with_these_and_others_with_made_ones():
    task = made_task()
    assert noises_of(task) == ["reader"]
    assert noises_of(task, ["idn20", "human"]) == ["idn20", "reader"]
    bare = type(task)(task.name, task.pixels, task.true, task.groups, task.classes)
    assert noises_of(bare) == ["idn10", "idn20", "idn30", "idn40", "boundary10", "boundary20"]
    assert noises_of(bare, ["human", "worst"]) == []
    assert noises_of(task, ["reader"]) == ["reader"]
    with pytest.raises(ConfigError, match="idn15"):
        noises_of(task, ["idn15"])


@pytest.mark.parametrize("noise", ["idn30", "boundary20"])
def test_a_cell_s_labels_follow_from_its_task_noise_and_seed(noise):
    task = made_task(num_images=300)
    given = make_cell(task, noise, 1).given
    np.testing.assert_array_equal(make_cell(task, noise, 1).given, given)
    assert (make_cell(task, noise, 2).given != given).any()
    assert (given != task.true).mean() == pytest.approx(int(noise[-2:]) / 100, abs=0.07)
    renamed = type(task)("other", task.pixels, task.true, task.groups, task.classes)
    assert (make_cell(renamed, noise, 1).given != given).any()


def test_human_labels_are_what_people_said_whatever_the_seed():
    task = made_task()
    np.testing.assert_array_equal(make_cell(task, "reader", 5).given, task.human_labels["reader"])


def test_small_pixels_are_means_over_areas():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 128, 128, 3), dtype=np.uint8)
    expected = [cv2.resize(image.astype(np.float32), (32, 32), interpolation=cv2.INTER_AREA) for image in pixels]
    np.testing.assert_allclose(cells._small_pixels(pixels), np.stack(expected).reshape(3, -1) / 255, atol=1e-5)
