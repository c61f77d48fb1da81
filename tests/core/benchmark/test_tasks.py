import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.benchmark import tasks as module
from overread.benchmark.tasks import load_task
from overread.demo.image_sets import tiles_truth
from overread.errors import ConfigError, SourceError


def save_picture(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((40, 40), value, np.uint8)).save(path)


def jpeg(value):
    buffer = io.BytesIO()
    Image.fromarray(np.full((32, 32, 3), value, np.uint8) * np.array([1, 1, 0], np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


def test_chest_xrays_are_grouped_by_patient(tmp_path):
    folder = tmp_path / "data" / "chest_xray"
    for name, value in (("person1_virus_6", 10), ("person1_virus_7", 20), ("person2_bacteria_1", 30)):
        save_picture(folder / "PNEUMONIA" / f"{name}.jpeg", value)
    for name, value in (("IM-0115-0001", 200), ("NORMAL2-IM-1427-0001", 210)):
        save_picture(folder / "NORMAL" / f"{name}.jpeg", value)
    task = load_task("chest_xray", tmp_path / "data", tmp_path / "cache")
    assert task.classes == ("NORMAL", "PNEUMONIA")
    by_value = {int(image.mean().round()): place for place, image in enumerate(task.pixels)}
    assert [task.true[by_value[value]] for value in (10, 20, 30, 200, 210)] == [1, 1, 1, 0, 0]
    assert task.groups[by_value[10]] == task.groups[by_value[20]]
    assert len(set(task.groups)) == 4


def test_lung_tiles_are_grouped_by_their_source_picture(tmp_path):
    folder = tmp_path / "data" / "lung_histology"
    lines = ["image,label,source_tile"]
    for number, (label, tile) in enumerate([("lung_n", "a"), ("lung_n", "a"), ("lung_aca", "b"), ("lung_scc", "c")]):
        save_picture(folder / "images" / f"{number}.png", 50 * number)
        lines.append(f"images/{number}.png,{label},{tile}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    task = load_task("lung_histology", tmp_path / "data", tmp_path / "cache")
    assert [task.classes[label] for label in task.true] == ["lung_n", "lung_n", "lung_aca", "lung_scc"]
    assert task.groups[0] == task.groups[1]
    assert len(set(task.groups)) == 3
    assert [int(image.mean()) for image in task.pixels] == [0, 50, 100, 150]


def test_cifar_is_a_fixed_part_of_the_archive_with_what_people_said(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "NUM_CIFAR", 6)
    folder = tmp_path / "data" / "cifar10n"
    folder.mkdir(parents=True)
    lines = ["image,split,clean_label,aggregate_label,worst_label,rater_1,rater_2,rater_3"]
    with tarfile.open(folder / "images.tar.xz", "w:xz") as archive:
        for split in ("train", "test"):
            for number in range(12):
                name = f"{split}/{number:05d}.jpg"
                content = jpeg(20 * number)
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
                clean = "cat" if number % 2 else "dog"
                lines.append(f"{name},{split},{clean},{clean},frog,{'frog' if number < 6 else clean},cat,cat")
    (folder / "labels.csv").write_text("\n".join(lines).replace("test/00003.jpg,test,cat", "test/00003.jpg,test,frog"))
    monkeypatch.setattr(module, "_indices", lambda labels, _: np.array(list(labels)))
    task = load_task("cifar10n", tmp_path / "data", tmp_path / "cache")
    assert task.pixels.shape == (6, 32, 32, 3)
    numbers = (task.pixels[..., 0].mean(axis=(1, 2)) / 20).round().astype(int)
    assert sorted(set(numbers)) == list(numbers)
    assert task.true.tolist() == ["cat" if number % 2 else "dog" for number in numbers]
    assert set(task.human_labels["worst"]) == {"frog"}
    assert (task.human_labels["rater_1"] == "frog").tolist() == [number < 6 for number in numbers]
    whole = load_task("cifar10n_all", tmp_path / "data", tmp_path / "whole")
    assert whole.true.tolist() == ["dog", "cat"] * 6
    both = load_task("cifar10", tmp_path / "data", tmp_path / "both")
    assert both.is_test.tolist() == [False] * 12 + [True] * 12
    assert set(both.human_labels["worst"][:12]) == {"frog"}
    assert both.human_labels["worst"][12:].tolist() == both.true[12:].tolist()  # nobody relabelled these
    (folder / "images.tar.xz").unlink()  # the pixels are in the cache
    again = load_task("cifar10n", tmp_path / "data", tmp_path / "cache")
    np.testing.assert_array_equal(again.pixels, task.pixels)


def test_the_demo_s_tiles_bring_reader_a_and_need_no_data(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "NUM_TILES", 24)
    task = load_task("demo_tiles", None, tmp_path)
    truth = tiles_truth(24, 0)
    assert [task.classes[label] for label in task.true] == truth["true_label"].tolist()
    given = [int(name.rsplit("-", 1)[1].split(".")[0]) for name in truth["image"]]  # the name tells reader A's label
    assert task.human_labels["reader_a"].tolist() == given
    assert 0 < (task.human_labels["reader_a"] != task.true).mean() < 0.3
    assert task.pixels.shape == (24, 128, 128, 3)


def test_without_data_the_error_names_the_variable_and_the_folder(tmp_path):
    with pytest.raises(ConfigError, match=r"OVERREAD_DATA.*chest_xray"):
        load_task("chest_xray", None, tmp_path)
    with pytest.raises(SourceError, match="OVERREAD_DATA"):
        load_task("lung_histology", tmp_path, tmp_path)


@pytest.mark.real_data
def test_the_real_tasks_have_the_sizes_that_are_known_of_them(tmp_path):
    if "OVERREAD_DATA" not in os.environ:
        pytest.skip("OVERREAD_DATA is not set")
    task = load_task("lung_histology", Path(os.environ["OVERREAD_DATA"]), tmp_path)
    assert task.pixels.shape == (1703, 128, 128, 3)
    assert len(task.classes) == 3
    assert len(set(task.groups)) < 1000
