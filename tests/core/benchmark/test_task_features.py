from dataclasses import replace

import numpy as np
import pytest
import torch

from overread.benchmark import task_features as module
from overread.benchmark.task_features import load_features
from overread.benchmark.tasks import Task
from overread.config import QUICK
from overread.metrics import ranking_metrics
from tests.core.benchmark.made_task import made_task


def load(kind, task, seed, folder):
    told = []
    found = load_features(kind, task, seed, folder, device="cpu", listener=told.append)
    return found, told


@pytest.fixture
def short_pretraining(monkeypatch):
    monkeypatch.setitem(module.__dict__, "preset_settings", lambda *_, **__: SHORT)


SHORT = replace(
    QUICK,
    model=replace(QUICK.model, image_size_px=32, precision="fp32"),
    pretrain=replace(QUICK.pretrain, num_epochs=2, batch_size=32),
)


def test_simclr_features_are_computed_once_for_each_seed(tmp_path, short_pretraining):
    task = made_task()
    first, told = load("simclr", task, 0, tmp_path)
    assert first.shape == (90, 256)
    assert len(told) == 2
    again, told = load("simclr", task, 0, tmp_path)
    np.testing.assert_array_equal(again, first)
    assert told == []
    other, told = load("simclr", task, 1, tmp_path)
    assert len(told) == 2
    assert not np.allclose(other, first)


def test_other_pixels_have_other_features(tmp_path, short_pretraining):
    task = made_task()
    load("simclr", task, 0, tmp_path)
    turned = Task(task.name, task.pixels[:, ::-1], task.true, task.groups, task.classes)
    _, told = load("simclr", turned, 0, tmp_path)
    assert told


def test_simclr_features_do_not_depend_on_labels_or_global_randomness(tmp_path, short_pretraining):
    task = made_task()
    first, _ = load("simclr", task, 0, tmp_path / "a")
    torch.manual_seed(99)
    relabelled = Task(task.name, task.pixels, np.roll(task.true, 1), task.groups, task.classes)
    second, _ = load("simclr", relabelled, 0, tmp_path / "b")
    np.testing.assert_array_equal(first, second)


def test_pretrained_features_are_the_encoder_s_and_in_them_classes_lie_apart(tmp_path):
    pytest.importorskip("timm")
    task = made_task()
    found, _ = load("pretrained", task, 0, tmp_path)
    assert found.dtype == np.float32
    assert found.shape == (90, 2064)
    other, told = load("pretrained", task, 7, tmp_path)
    assert told == []  # no seed changes them
    np.testing.assert_array_equal(other, found)
    across = found[task.true == 0].mean(axis=0) - found[task.true == 1].mean(axis=0)
    is_either = task.true < 2
    assert ranking_metrics(task.true[is_either] == 0, found[is_either] @ across)[1] > 0.95
