import json
from dataclasses import replace

import numpy as np
import pytest

from overread.benchmark import consensus_benchmark as module
from overread.benchmark import consensus_cells
from overread.benchmark.consensus_benchmark import ConsensusPlan, run_consensus
from overread.config import preset_settings
from overread.errors import ConfigError
from tests.core.benchmark.made_task import made_task

METHODS = ("threshold 0.5", "networks", "classifiers")


def short_settings(name, **options):
    settings = preset_settings(name, **options)
    return replace(
        settings,
        pretrain=replace(settings.pretrain, num_epochs=1),
        warmup=replace(settings.warmup, num_epochs=2),
        rounds=replace(settings.rounds, num_epochs=(2, 3), first_stages=(1, 2), later_stages=(1, 3)),
        cross_fitting=replace(settings.cross_fitting, num_folds=2, num_epochs=3),
    )


@pytest.fixture
def small(monkeypatch):
    """A task of 90 images whose features tell the class, and trainings of a few epochs."""
    task = made_task()
    noise = np.random.default_rng(0).normal(0, 0.3, (90, 8))
    monkeypatch.setattr(module, "load_task", lambda *_: task)
    monkeypatch.setattr(module, "load_duplicate_groups", lambda *_: np.full(90, -1))
    monkeypatch.setattr(module, "load_features", lambda *_, **__: (np.eye(8)[task.true] + noise).astype(np.float32))
    monkeypatch.setattr(consensus_cells, "preset_settings", short_settings)
    return task


def test_each_method_has_its_rounds_and_none_is_measured_twice(small, tmp_path):
    plan = ConsensusPlan(["demo_tiles"], ["reader"], num_images=60, image_size_px=32, methods=METHODS, device="cpu")
    told = []
    found, page = run_consensus(plan, tmp_path, cache=tmp_path, listener=told.append)
    assert [(line["method"], len(line["rounds"])) for line in found] == [*zip(METHODS, (2, 1, 1), strict=True)]
    for line in found:
        for row in line["rounds"]:
            assert row["num_proposed"] <= row["num_consensus"] <= row["num_samples"] == 60
            for stage in row["stages"]:
                assert sum(stage["by_class"]) == stage["num_reliable"]
                assert stage["num_learnt"] + stage["num_found"] <= row["num_errors"]
    classifiers = found[-1]["rounds"][0]
    assert classifiers["recall"] > 0.5
    assert classifiers["precision"] > 0.8
    num_told = len(told)
    again = run_consensus(plan, tmp_path, cache=tmp_path, listener=told.append)
    assert (again, len(told) - num_told) == ((found, page), 1)  # it read the task, and that is all
    assert [json.loads(line) for line in (tmp_path / "consensus.jsonl").read_text().splitlines()] == found
    assert page.count("| threshold 0.5 | ") == 2


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tasks": ["x"]}, "--tasks x"),
        ({"methods": ["x"]}, "--methods x"),
        ({"num_images": 1}, "--images 1"),
        ({"image_size_px": 16}, "--image-size 16"),
    ],
)
def test_what_the_user_must_mend_names_the_flag(fields, words):
    with pytest.raises(ConfigError, match=words):
        ConsensusPlan(**{"tasks": ["demo_tiles"], **fields})
