"""All checks on one study in Chaoyang's layout, with faults of known numbers."""

import json
import re

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import cohen_kappa_score

from overread.images.cache.pixel_cache import open_cache
from overread.studies.sample_groups import read_duplicate_groups
from overread.studies.study import open_study
from tests.core.checks.scenes import made_picture
from tests.core.commands import run_command

NUM_TRAIN, NUM_TEST, NUM_TRAIN_SLIDES = 72, 24, 9
NUM_CROSSING = 5
"""Slides with tiles in both parts."""


@pytest.fixture(scope="module")
def chaoyang(tmp_path_factory):
    """A study of 96 tiles; its readers' codes as (72, 3) int. The first test tile is a mirrored training tile."""
    folder = tmp_path_factory.mktemp("chaoyang")
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, NUM_TRAIN + NUM_TEST)
    readings = np.where(rng.random((NUM_TRAIN, 3)) < (0.2, 0.3, 0.05), rng.integers(0, 4, (NUM_TRAIN, 3)), 0)
    is_slip = readings > 0
    readings = np.where(is_slip, readings, codes[:NUM_TRAIN, None])
    parts = {"train": [], "test": []}
    for index, code in enumerate(codes):
        part = "train" if index < NUM_TRAIN else "test"
        # The test part shares five slides of the training part, and has three of its own.
        slide = index % NUM_TRAIN_SLIDES if part == "train" else 4 + index % 8
        name = f"{part}/35{slide:04d}_4-IMG{index:03d}x{index % 7:03d}-{code}.JPG"
        (folder / "source" / part).mkdir(parents=True, exist_ok=True)
        picture = made_picture(0 if index == NUM_TRAIN else index, side_px=112)
        if index == NUM_TRAIN:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        picture.save(folder / "source" / name, quality=95)
        parts[part].append({"name": name, "label": int(code)})
    raters = ("label_A", "label_B", "label_C")
    with_raters = [
        {**entry, **dict(zip(raters, map(int, row), strict=True))}
        for entry, row in zip(parts["train"], readings, strict=True)
    ]
    for file, entries in (
        ("train.json", parts["train"]),
        ("test.json", parts["test"]),
        ("train_label.json", with_raters),
    ):
        (folder / "source" / file).write_text(json.dumps(entries))
    ended = run_command("import", folder / "source", "--study", folder / "study", "--image-size", 112)
    assert ended.status == 0, ended.err
    return folder / "study", readings


@pytest.fixture(scope="module")
def findings(chaoyang):
    ended = run_command("check", chaoyang[0], "--json")
    assert ended.status == 0, ended.err
    return {finding["kind"]: finding for finding in json.loads(ended.out)["findings"]}


def test_the_name_that_ends_in_the_label_is_found_unaided(findings):
    assert findings["label_in_name"]["severity"] == "error"
    assert findings["label_in_name"]["count"] == NUM_TRAIN + NUM_TEST


def test_slides_that_cross_the_split_are_counted(findings):
    assert findings["slide_across_splits"]["count"] == NUM_CROSSING


def test_a_mirrored_tile_in_both_parts_is_found(findings):
    (group,) = findings["near_duplicate_across_splits"]["groups"]
    assert len(group) == 2
    assert findings["near_duplicate"]["samples"] == group


def test_the_readers_kappas_stand_in_the_report(chaoyang, findings):
    _, readings = chaoyang
    expected = [cohen_kappa_score(readings[:, a], readings[:, b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    found = [
        float(value)
        for value in re.findall(r"rater_\w and rater_\w (-?\d\.\d+)", findings["rater_agreement"]["message"])
    ]
    assert found == pytest.approx(expected, abs=6e-4)
    assert findings["rater_agreement"]["count"] == sum(len(set(row)) > 1 for row in readings.tolist())


def test_the_command_gives_the_readers_kappas_with_intervals(chaoyang):
    study, readings = chaoyang
    ended = run_command("agreement", study, "--json", "--resamples", 200)
    found = json.loads(ended.out)
    a_and_b = found["pairs"][0]
    assert a_and_b["kappa"]["value"] == pytest.approx(cohen_kappa_score(readings[:, 0], readings[:, 1]))
    assert a_and_b["kappa"]["low"] < a_and_b["kappa"]["value"] < a_and_b["kappa"]["high"]
    assert found["fleiss_kappa"]["num_samples"] == NUM_TRAIN
    assert found["num_groups"] == NUM_TRAIN_SLIDES
    lines = run_command("agreement", study, "--resamples", 200).out.splitlines()
    assert f" {a_and_b['kappa']['value']:.3f}  [" in lines[0]


def test_no_finding_names_a_file(findings):
    assert "IMG" not in json.dumps(findings)


def test_the_groups_of_one_picture_are_kept_in_the_study(chaoyang, findings):
    study = open_study(chaoyang[0])
    (pair,) = findings["near_duplicate"]["groups"]
    assert read_duplicate_groups(study, open_cache(study.pixels_path)) == [tuple(pair)]
