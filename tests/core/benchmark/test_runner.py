import json

import numpy as np
import pytest

from overread.benchmark import runner
from overread.benchmark.methods import METHODS, Method, method_digest
from overread.benchmark.problem import MethodResult
from overread.benchmark.runner import METHOD_NAMES, BenchmarkPlan, measures, newest_lines, run_plan
from overread.errors import ConfigError
from tests.core.benchmark.made_task import made_task


@pytest.fixture
def made(monkeypatch):
    """The runner on a made task, whose features tell its classes; counts what is computed."""
    task = made_task()
    counts = {"features": 0, "methods": 0}

    def features(kind, task, seed, cache, **_):
        counts["features"] += 1
        rng = np.random.default_rng(seed)
        return (2 * np.eye(3, 6)[task.true] + rng.normal(0, 1, (len(task.true), 6))).astype(np.float32)

    def counted(method, problem, true):
        counts["methods"] += 1
        return original(method, problem, true)

    original = runner.run_method
    monkeypatch.setitem(runner.TASKS, "made", None)
    monkeypatch.setattr(runner, "load_task", lambda *_: task)
    monkeypatch.setattr(runner, "load_features", features)
    monkeypatch.setattr(runner, "run_method", counted)
    return counts


def run(plan, path, stamp=None):
    return run_plan(plan, data=None, cache=path.parent, results=path, stamp=stamp or {}, listener=lambda *_: None)


def test_every_cell_has_a_line_and_none_is_measured_twice(tmp_path, made):
    path = tmp_path / "out" / "results.jsonl"
    plan = BenchmarkPlan(["made"], (0, 1), ["idn20", "human"], ("quick_head", "simifeat", "oracle"), ("simclr",))
    found = run(plan, path, {"commit": "abc"})
    cells = {(line["task"], line["noise"], line["seed"], line["method"]) for line in found}
    assert len(cells) == len(found) == 2 * 2 * 3
    assert [json.loads(text) for text in path.read_text().splitlines()] == found
    assert made["methods"] == 12
    assert run(plan, path, {"commit": "later"}) == found
    assert made["methods"] == 12


def test_a_line_cut_short_is_measured_again(tmp_path, made):
    path = tmp_path / "results.jsonl"
    plan = BenchmarkPlan(["made"], (0,), ["human"], ("quick_head", "simifeat"), ("simclr",))
    found = run(plan, path)
    path.write_text(path.read_text()[:-40])
    assert len(newest_lines(path)) == 1
    repeated = run(plan, path)
    assert [line | {"seconds": 0} for line in repeated] == [line | {"seconds": 0} for line in found]
    assert len(newest_lines(path)) == 2


def test_only_a_method_whose_code_has_changed_is_measured_again(tmp_path, made, monkeypatch):
    path = tmp_path / "results.jsonl"
    plan = BenchmarkPlan(["made"], (0,), ["human"], ("quick_head", "simifeat"), ("simclr",))
    run(plan, path, {"commit": "old"})
    digest = runner.method_digest
    monkeypatch.setattr(runner, "method_digest", lambda name: "changed" if name == "simifeat" else digest(name))
    run(plan, path, {"commit": "new"})
    assert {line["method"]: line["commit"] for line in newest_lines(path)} == {"quick_head": "old", "simifeat": "new"}
    assert made["methods"] == 3


def test_other_features_or_labels_are_measured_again(tmp_path, made, monkeypatch):
    path = tmp_path / "results.jsonl"
    plan = BenchmarkPlan(["made"], (0,), ["human"], ("simifeat",), ("simclr",))
    run(plan, path)
    other = made_task(seed=1)
    monkeypatch.setattr(runner, "load_task", lambda *_: other)
    run(plan, path)
    assert made["methods"] == 2
    load_features = runner.load_features
    monkeypatch.setattr(runner, "load_features", lambda *cell, **options: 2 * load_features(*cell, **options))
    run(plan, path)
    assert made["methods"] == 3
    assert len(newest_lines(path)) == 1


def test_lines_that_older_versions_wrote_are_left_out(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text('{"task": "made", "features": "simclr", "noise": "human", "seed": 0, "method": "loss"}\n')
    assert newest_lines(path) == []


def test_a_method_s_digest_follows_its_own_code_and_not_that_of_others():
    digests = {name: method_digest(name) for name in METHOD_NAMES}
    assert len({digests[name] for name in ("overread", "quick_head", "cleanlab", "datalab", "simifeat", "loss")}) == 6


def test_a_method_without_features_has_one_cell_a_noise(tmp_path, made, monkeypatch):
    problems = []

    def find(problem):
        problems.append(problem)
        return MethodResult(np.zeros(90), problem.given, np.zeros(90, bool))

    monkeypatch.setitem(METHODS, "paper", Method(find, has_features=False))
    found = run(
        BenchmarkPlan(["made"], (3, 4), ["human"], ("paper", "simifeat"), ("simclr", "pretrained")),
        tmp_path / "r.jsonl",
    )
    assert [(line["features"], line["seed"]) for line in found if line["method"] == "paper"] == [("none", 3)]
    assert len(problems) == 1
    assert len([line for line in found if line["method"] == "simifeat"]) == 4


def test_measures_of_a_finding_are_those_worked_out_by_hand():
    true, given = np.array([0, 1, 2, 0]), np.array([0, 0, 1, 0])
    result = MethodResult(np.array([0.1, 0.9, 0.4, 0.6]), np.array([0, 1, 0, 1]), np.array([0, 1, 1, 1], bool), True)
    found = measures(result, true, given, 3)
    assert found["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert (found["precision"], found["recall"], found["f1"]) == pytest.approx((2 / 3, 1, 0.8))
    assert found["expected_precision"] == pytest.approx((0.9 + 0.4 + 0.6) / 3)
    assert found["expected_calibration_error"] == pytest.approx((0.1 + 0.1 + 0.6 + 0.6) / 4)
    assert found["proposed_label_accuracy"] == 0.5
    nothing = MethodResult(result.scores, given, np.zeros(4, bool))
    found = measures(nothing, true, given, 3)
    assert found["precision"] is None
    assert found["expected_calibration_error"] is None


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"methods": ("magic",)}, "--methods magic"),
        ({"features": ("dino",)}, "--features dino"),
        ({"tasks": ()}, "--tasks: is empty"),
        ({"tasks": ("mnist",)}, "--tasks mnist"),
    ],
)
def test_an_unknown_name_is_told_with_those_that_are_known(fields, named):
    with pytest.raises(ConfigError, match=named):
        BenchmarkPlan(**{"tasks": ("demo_tiles",), **fields})
