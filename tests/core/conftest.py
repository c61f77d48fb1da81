"""Tiny sources, made in a moment."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def write_image(path: Path, seed: int = 0, side_px: int = 12) -> Path:
    """A picture of noise; its format follows from the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (side_px, side_px), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def class_folders(tmp_path: Path) -> Path:
    """cat/ with three pictures and dog/ with two."""
    root = tmp_path / "source"
    for seed, name in enumerate(("cat/a.png", "cat/b.jpg", "cat/deep/c.png", "dog/a.png", "dog/z.tif")):
        write_image(root / name, seed)
    return root


@pytest.fixture
def make_table(tmp_path: Path) -> Callable[..., Path]:
    """Writes ROOT/labels.csv of the given rows, the first of them the header, and a picture for each image."""

    def make(rows: Sequence[Sequence[str]], image_column: int = 0) -> Path:
        root = tmp_path / "table"
        root.mkdir(exist_ok=True)
        with (root / "labels.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
        for seed, row in enumerate(rows[1:]):
            write_image(root / row[image_column], seed)
        return root

    return make


@pytest.fixture
def chaoyang_release(tmp_path: Path) -> Path:
    """Four training tiles with three raters, two test tiles."""
    root = tmp_path / "chaoyang"
    train = [
        {
            "name": f"train/35304{code}_4-IMG005x014-{code}.JPG",
            "label": code,
            "label_A": 1,
            "label_B": code,
            "label_C": 3,
        }
        for code in range(4)
    ]
    test = [{"name": f"test/35304{code}_4-IMG001x001-{code}.JPG", "label": code} for code in (0, 3)]
    for seed, entry in enumerate(train + test):
        write_image(root / entry["name"], seed)
    plain = [{key: entry[key] for key in ("name", "label")} for entry in train]
    for name, entries in (("train", plain), ("train_label", train), ("test", test)):
        (root / f"{name}.json").write_text(json.dumps(entries))
    return root
