import json

import numpy as np
import pytest
from PIL import Image

from overread.benchmark import split_tasks, tasks
from overread.benchmark.split_tasks import SplitTask, by_group, by_release, has_images, load_split_task
from overread.benchmark.tasks import Task, load_task
from overread.errors import ConfigError
from tests.core.benchmark.made_task import made_task
from tests.core.sources.arrays.test_cifar import NAMES, batch, write

NUM_SLIDES = 10
KEYS_OF_100 = ("fine_labels", "coarse_labels")


@pytest.fixture
def chaoyang(tmp_path):
    """A release as Chaoyang's: ten slides of 8 tiles, half of each in the test part; reader A errs on every fourth."""
    root = tmp_path / "data" / "chaoyang"
    entries = {"train": [], "test": []}
    for number in range(8 * NUM_SLIDES):
        slide, label = number // 8, number % 4
        part = "test" if number % 8 >= 4 else "train"
        name = f"{part}/3530{slide}_4-IMG{number:03d}x014-{label}.JPG"
        (root / part).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((40, 40, 3), 3 * number, np.uint8)).save(root / name, "JPEG")
        readers = {"label_A": (label + (number % 4 == 0)) % 4, "label_B": label, "label_C": label}
        entries[part].append({"name": name, "label": label} | (readers if part == "train" else {}))
    plain = [{key: entry[key] for key in ("name", "label")} for entry in entries["train"]]
    for file, content in (("train", plain), ("train_label", entries["train"]), ("test", entries["test"])):
        (root / f"{file}.json").write_text(json.dumps(content))
    return tmp_path / "data"


def test_groups_are_in_one_part_and_a_fifth_of_them_in_the_test_part():
    task = made_task(num_images=600)
    is_trained, is_test = by_group(task)
    assert (is_trained ^ is_test).all()
    assert not set(task.groups[is_trained]) & set(task.groups[is_test])
    assert len(set(task.groups[is_test])) == round(0.2 * len(set(task.groups)))
    np.testing.assert_array_equal(by_group(made_task(num_images=600))[1], is_test)


@pytest.mark.parametrize("noise", ["idn30", "boundary30", "reader"])
def test_labels_are_wrong_in_the_training_part_alone(noise):
    task = made_task(num_images=400)
    split = SplitTask("made", task, *by_group(task))
    given = split.noisy_labels(noise, seed=1)
    is_wrong = given != task.true
    assert not is_wrong[split.is_test].any()
    assert is_wrong[split.is_trained].mean() == pytest.approx(0.2 if noise == "reader" else 0.3, abs=0.07)
    np.testing.assert_array_equal(split.noisy_labels(noise, seed=1), given)


def test_a_part_is_the_same_samples_every_time_with_their_labels():
    task = made_task(num_images=300)
    split = SplitTask("made", task, *by_group(task))
    part = split.part(50, 20)
    assert (part.is_trained.sum(), part.is_test.sum()) == (50, 20)
    rows = [np.flatnonzero((task.pixels == image).all(axis=(1, 2, 3)))[0] for image in part.task.pixels]
    np.testing.assert_array_equal(part.task.true, task.true[rows])
    np.testing.assert_array_equal(part.task.human_labels["reader"], task.human_labels["reader"][rows])
    assert split.is_trained[rows][part.is_trained].all()
    assert split.is_test[rows][part.is_test].all()
    np.testing.assert_array_equal(split.part(50, 20).task.pixels, part.task.pixels)
    larger = split.part(60, 20)
    assert {image.tobytes() for image in part.task.pixels} <= {image.tobytes() for image in larger.task.pixels}
    assert len(split.part(None, None).task.true) == 300


def test_chaoyang_has_the_release_s_parts_or_slides_that_are_in_one_part(chaoyang, tmp_path):
    official = load_split_task("chaoyang", chaoyang, tmp_path / "cache")
    task = official.task
    assert task.classes == ("normal", "serrated", "adenocarcinoma", "adenoma")
    assert (official.is_trained.sum(), official.is_test.sum()) == (40, 40)
    assert set(task.groups[official.is_trained]) == set(task.groups[official.is_test])
    given = official.noisy_labels("reader_a", seed=0)
    assert (given != task.true).sum() == 10
    np.testing.assert_array_equal(official.noisy_labels("reader_b", seed=0), task.true)
    apart = load_split_task("chaoyang_slides", chaoyang, tmp_path / "cache")
    assert not set(task.groups[apart.is_trained]) & set(task.groups[apart.is_test])
    assert (apart.is_trained.sum(), apart.is_test.sum()) == (32, 16)  # of the training part; of both
    part = apart.part(None, None)
    assert len(part.task.true) == 48


def test_cifar_100_is_read_from_its_python_version(tmp_path):
    content = {split: batch(seed, count) for seed, (split, count) in enumerate({"train": 9, "test": 6}.items())}
    for split, of_split in content.items():
        fine = of_split.pop("labels")
        write(tmp_path / "cifar100" / "cifar-100-python" / split, of_split | dict.fromkeys(KEYS_OF_100, fine))
    write(tmp_path / "cifar100" / "cifar-100-python" / "meta", {f"{key[:-1]}_names": NAMES for key in KEYS_OF_100})
    task = load_task("cifar100", tmp_path, tmp_path / "cache")
    pixels = np.concatenate([each["data"] for each in content.values()]).reshape(-1, 3, 32, 32)
    np.testing.assert_array_equal(task.pixels, pixels.transpose(0, 2, 3, 1))
    assert task.true.tolist() == [*(np.arange(9) % 3), *(np.arange(6) % 3)]
    assert by_release(task)[1].tolist() == [False] * 9 + [True] * 6


def test_a_task_is_there_where_its_folder_is(tmp_path):
    (tmp_path / "cifar10n").mkdir()
    (tmp_path / "chaoyang").mkdir()
    there = [name for name in split_tasks.SPLIT_TASKS if has_images(name, tmp_path)]
    assert there == ["chaoyang", "chaoyang_slides", "cifar10", "demo_tiles"]
    assert [name for name in split_tasks.SPLIT_TASKS if has_images(name, None)] == ["demo_tiles"]


def test_a_release_without_a_test_part_is_refused_and_one_whose_part_lacks_a_class(tmp_path, monkeypatch):
    task = made_task()
    with pytest.raises(ConfigError, match="there is no test part"):
        by_release(task)
    one_class = Task("made", task.pixels, np.zeros(90, np.int64), task.groups, task.classes)
    monkeypatch.setitem(tasks.TASKS, "demo_tiles", lambda *_: one_class)
    with pytest.raises(ConfigError, match="demo_tiles: its training part does not have all classes"):
        load_split_task("demo_tiles", None, tmp_path)
