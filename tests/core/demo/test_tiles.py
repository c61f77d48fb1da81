import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overread.demo.image_sets import tiles_truth, write_tiles
from overread.demo.tiles import CLASSES, plan_tiles

NUM_IMAGES = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiles")
    write_tiles(path, num_images=NUM_IMAGES, seed=3)
    return path


def read(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))


def test_layout_is_that_of_chaoyang(folder: Path) -> None:
    train, test, readings = (read(folder / f"{name}.json") for name in ("train", "test", "train_label"))
    assert (len(train), len(test)) == (20, 4)
    assert {tuple(row) for row in train + test} == {("name", "label")}
    assert {tuple(row) for row in readings} == {("name", "label", "label_A", "label_B", "label_C")}
    assert [row["name"] for row in readings] == [row["name"] for row in train]
    assert [row["label"] for row in readings] == [row["label"] for row in train]
    names = [row["name"] for row in train + test]
    assert len(set(names)) == NUM_IMAGES
    assert all(re.fullmatch(r"(train|test)/\d{6}_\d-IMG\d{3}x\d{3}-[0-3]\.JPG", name) for name in names)
    assert all(row["name"].startswith("test/") for row in test)
    assert {path.relative_to(folder).as_posix() for path in folder.glob("*/*")} == set(names)


def test_every_tile_is_a_colour_jpeg_of_256_px(folder: Path) -> None:
    for path in folder.glob("*/*.JPG"):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (256, 256))


def test_same_seed_gives_the_same_bytes_and_another_seed_other_ones(folder: Path, tmp_path: Path) -> None:
    def digests(root: Path) -> dict[str, str]:
        return {
            path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in root.rglob("*")
            if path.is_file()
        }

    write_tiles(tmp_path / "again", num_images=NUM_IMAGES, seed=3)
    write_tiles(tmp_path / "other", num_images=4, seed=4)
    assert digests(tmp_path / "again") == digests(folder)
    assert not set(digests(tmp_path / "other").values()) & set(digests(folder).values())


def test_number_in_the_name_is_the_given_label_and_no_file_tells_the_truth(folder: Path) -> None:
    rows = {row["name"]: row["label"] for name in ("train", "test") for row in read(folder / f"{name}.json")}
    truth = tiles_truth(NUM_IMAGES, seed=3).set_index("image")["true_label"].map(CLASSES.index)
    assert set(truth.index) == set(rows)
    wrong = [name for name, label in rows.items() if label != truth[name]]
    assert len(wrong) == round(0.135 * NUM_IMAGES)
    assert all(int(Path(name).stem[-1]) == label for name, label in rows.items())
    assert {path.name for path in folder.iterdir()} == {"train", "test", "train.json", "test.json", "train_label.json"}


def test_readers_err_as_often_as_in_the_real_set_and_on_ambiguous_tiles() -> None:
    tiles = plan_tiles(600, seed=0)
    ambiguity = np.array([tile.ambiguity for tile in tiles])
    for reader, low, high in (("label_A", 0.12, 0.15), ("label_B", 0.17, 0.20), ("label_C", 0.04, 0.06)):
        is_wrong = np.array([tile.reader_codes[reader] != tile.true_code for tile in tiles])
        assert low <= is_wrong.mean() <= high
        assert is_wrong[ambiguity > 0.6].mean() > 3 * is_wrong[ambiguity < 0.3].mean()
    given_wrong = np.mean([tile.given_code != tile.true_code for tile in tiles])
    assert 0.12 <= given_wrong <= 0.15


def test_readers_take_a_tile_for_the_class_that_it_leans_towards() -> None:
    order = ("normal", "serrated", "adenoma", "adenocarcinoma")
    for tile in plan_tiles(300, seed=1):
        centre = order.index(CLASSES[tile.true_code])
        assert abs(tile.position - centre) <= 0.5
        for code in tile.reader_codes.values():
            read_as = order.index(CLASSES[code])
            assert read_as == centre or read_as == centre + np.sign(tile.position - centre)


def test_all_classes_occur_and_slides_lie_in_both_splits() -> None:
    tiles = plan_tiles(600, seed=0)
    assert {tile.true_code for tile in tiles} == {0, 1, 2, 3}
    slides = {split: {tile.slide for tile in tiles if tile.split == split} for split in ("train", "test")}
    assert 20 <= len(slides["train"]) <= 30
    assert len(slides["train"] & slides["test"]) > 15
    assert sum(tile.split == "test" for tile in tiles) == 100


def test_progress_counts_to_the_number_of_images(tmp_path: Path) -> None:
    seen = []
    write_tiles(tmp_path, num_images=3, seed=0, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
