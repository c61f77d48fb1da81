"""`bench table1`, `table2`, `ablation` and `speed`, with a trainer that takes no time."""

import json
from dataclasses import replace

import numpy as np
import pytest
from torch import nn

from overread.benchmark import accuracy_cells, accuracy_rows, accuracy_runner, budgets, code_digest, starts
from overread.benchmark.accuracy_measures import SHARES_READ, accuracy_measures
from overread.benchmark.accuracy_page import TITLES
from overread.benchmark.accuracy_runner import AccuracyPlan, run_accuracy
from overread.benchmark.split_tasks import SplitTask, by_group
from overread.benchmark.trainers.trainers import TRAINERS, TrainingMethod
from overread.benchmark.trainers.training_problem import Recipe, TrainingOutcome
from overread.config import PAPER, override_settings
from overread.errors import ConfigError
from tests.core.benchmark.made_task import made_task
from tests.core.commands import run_command

PROBLEMS, NETWORKS = [], []


def know_the_given_labels(problem):
    """Sure of every given label: right on test images, whose labels are true."""
    PROBLEMS.append(problem)
    others = 0.1 / (problem.data.num_classes - 1)
    probs = np.full((len(problem.data.given), problem.data.num_classes), others, np.float32)
    probs[np.arange(len(probs)), problem.data.given] = 0.9
    return TrainingOutcome(probs)


def diverge(problem):
    raise ConfigError("the training diverged in epoch 1: its loss is no number; take a lower learning rate")


@pytest.fixture
def small(monkeypatch):
    """Two methods that take no time, one of them told the noise rate and with a recipe of its own."""
    PROBLEMS.clear()
    made = TrainingMethod(know_the_given_labels, "Made", "None.", own_recipe=Recipe(7, 16), is_told_noise_rate=True)
    for name in list(TRAINERS):
        monkeypatch.delitem(TRAINERS, name)
    monkeypatch.setitem(TRAINERS, "cross_entropy", TrainingMethod(know_the_given_labels, "Cross-entropy", "None."))
    monkeypatch.setitem(TRAINERS, "made", made)
    task = made_task(num_images=120)
    monkeypatch.setattr(
        accuracy_runner, "load_split_task", lambda name, *_, **__: SplitTask(name, task, *by_group(task))
    )
    smoke = replace(
        budgets.BUDGETS["smoke"],
        starts=("none", "simclr"),
        has_own_recipes=True,
        tasks={"table2": {"demo_tiles": ("idn20", "reader_a")}, "speed": {"demo_tiles": ("idn20",)}},
    )
    monkeypatch.setitem(budgets.BUDGETS, "smoke", smoke)
    monkeypatch.setattr(starts.task_features, "simclr_network", pretrain)
    NETWORKS.clear()
    return task


def pretrain(data, settings, seed, listener):
    NETWORKS.append(seed)
    return nn.Linear(2, data.num_classes)


def run(tmp_path, **fields):
    wanted = {"table": "table2", "budget": "smoke", "seeds": (0, 1), "noises": ("idn20", "boundary20")}
    plan = AccuracyPlan(**wanted | fields)
    return run_accuracy(plan, tmp_path, cache=tmp_path / "cache", listener=lambda *_: None)


def test_every_cell_is_measured_once_and_its_line_says_all_it_depends_on(tmp_path, small):
    found, page = run(tmp_path)
    cells = {(line["noise"], line["seed"], line["method"], line["start"], line["recipe"]) for line in found}
    assert len(cells) == len(found) == len(PROBLEMS) == 2 * 2 * (2 + 3)  # each start; the peer's own recipe
    assert [json.loads(line) for line in (tmp_path / "accuracy.jsonl").read_text().splitlines()] == found
    assert {line["accuracy"] for line in found} == {1.0}
    assert sorted(NETWORKS) == [0, 1]  # pretrained once for a seed
    assert {problem.recipe.num_epochs for problem in PROBLEMS} == {4, 7}
    again, same_page = run(tmp_path)
    assert (again, same_page, len(PROBLEMS)) == (found, page, 20)
    assert (tmp_path / "accuracy.md").read_text() == page


def test_a_method_sees_noisy_labels_true_ones_never_and_the_rate_only_if_its_paper_is_told_it(tmp_path, small):
    found, _ = run(tmp_path, seeds=(0,), noises=("boundary20",))
    is_trained = PROBLEMS[0].data.is_trained
    rate = (PROBLEMS[0].data.given != small.true)[is_trained].mean()
    assert 0.1 < rate < 0.3
    assert [problem.noise_rate for problem in PROBLEMS] == [None, None, rate, rate, rate]
    assert found[0]["num_errors"] == round(rate * is_trained.sum())
    assert not set(small.groups[is_trained]) & set(small.groups[~is_trained])


@pytest.mark.parametrize("changed", ["code", "recipe", "data"])
def test_a_cell_is_measured_again_where_code_configuration_or_data_have_changed(tmp_path, small, monkeypatch, changed):
    run(tmp_path, seeds=(0,), noises=("idn20",), methods=("cross_entropy",))
    assert len(PROBLEMS) == 2
    if changed == "code":
        monkeypatch.setattr("overread.benchmark.accuracy_cells.code_digest", lambda *_: "other")
    elif changed == "recipe":
        smoke = replace(budgets.BUDGETS["smoke"], recipe=Recipe(5, 32))
        monkeypatch.setitem(budgets.BUDGETS, "smoke", smoke)
    else:
        small.pixels[0] += 1
    found, page = run(tmp_path, seeds=(0,), noises=("idn20",), methods=("cross_entropy",))
    assert (len(PROBLEMS), len(found)) == (4, 2)
    assert len((tmp_path / "accuracy.jsonl").read_text().splitlines()) == 4
    assert page.count("| Cross-entropy |") == 2  # the last of each cell


def test_a_training_that_diverged_has_a_line_and_the_table_says_so(tmp_path, small, monkeypatch):
    monkeypatch.setitem(TRAINERS, "made", TrainingMethod(diverge, "Made", "None."))
    found, page = run(tmp_path, seeds=(0,), noises=("idn20",))
    assert [line["accuracy"] for line in found] == [1.0, 1.0, None, None]
    assert "diverged in epoch 1" in found[-1]["failed"]
    assert page.count("| diverged |") == 2


def test_a_table_may_have_a_recipe_of_its_own_for_all_its_methods(tmp_path, small, monkeypatch):
    smoke = replace(budgets.BUDGETS["smoke"], table_recipes={"table2": Recipe(9, 8)}, has_own_recipes=False)
    monkeypatch.setitem(budgets.BUDGETS, "smoke", smoke)
    _, page = run(tmp_path, seeds=(0,), noises=("idn20",))
    assert {problem.recipe.num_epochs for problem in PROBLEMS} == {9}
    assert ", 9 epochs," in page


def test_speed_counts_the_images_of_all_epochs(tmp_path, small):
    (line, _), page = run(tmp_path, table="speed", seeds=(0,), noises=("idn20",))
    assert [problem.recipe.num_epochs for problem in PROBLEMS] == [1, 4, 1, 4]
    assert line["images_per_s"] == pytest.approx(line["num_trained"] * 4 / max(line["seconds"], 0.01), rel=0.5)
    assert "images a second" in page


def test_measures_are_those_worked_out_by_hand():
    true, given = np.array([0, 1, 0, 1, 1, 0]), np.array([0, 0, 0, 1, 1, 0])
    is_test = np.array([0, 0, 0, 0, 1, 1], bool)
    probs = np.array([[0.9, 0.1], [0.3, 0.7], [0.6, 0.4], [0.2, 0.8], [0.8, 0.2], [0.7, 0.3]])
    found = accuracy_measures(probs, true, given, ~is_test, is_test)
    assert (found["accuracy"], found["num_errors"], found["num_trained"], found["majority"]) == (0.5, 1, 4, 0.5)
    assert found["average_precision"] == 1  # the one wrong label has the lowest probability
    assert dict(zip(SHARES_READ, found["errors_found"], strict=True)) == {0.05: 0, 0.1: 0, 0.2: 1, 0.3: 1, 0.5: 1}
    assert found["calibration_error"] == pytest.approx((0.8 + 0.3) / 2)
    assert found["reliability"] == [[0.7, 1], [0.8, 0]]
    nothing = accuracy_measures(probs, given, given, ~is_test, is_test)
    assert nothing["average_precision"] is None


def test_the_ablation_changes_one_part_of_the_loop_in_each_row():
    rows = accuracy_rows.ablation_rows(PAPER)
    assert len({row.part for row in rows}) == len(rows) > 20
    for row in rows:
        changed = override_settings(PAPER, row.assignments)
        sections = [name for name, value in vars(changed).items() if value != getattr(PAPER, name)]
        if row.part == "the last round's epochs in the warm-up":
            assert (changed.warmup.num_epochs, changed.rounds.num_epochs) == (5 + 7, (4, 7))
            changed = replace(changed, warmup=PAPER.warmup, rounds=replace(changed.rounds, num_epochs=(4, 7, 7)))
            assert changed == PAPER
        else:
            assert len(sections) == bool(row.assignments)
    pretrained = [override_settings(PAPER, row.assignments).pretrain.num_epochs for row in rows]
    assert set(pretrained) == {15, 30, 60}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tasks": ("mnist",)}, "--tasks mnist"),
        ({"noises": ("fog",)}, "--noise fog"),
        ({"budget": "tpu"}, "--budget tpu"),
        ({"methods": ("magic",)}, "--methods magic"),
    ],
)
def test_an_unknown_name_is_told_with_those_that_are_known(tmp_path, small, fields, words):
    with pytest.raises(ConfigError, match=f"{words}: unknown value; choose from"):
        run(tmp_path, **fields)


def test_without_images_the_command_says_which_variable_names_them(tmp_path, monkeypatch):
    monkeypatch.delenv("OVERREAD_DATA", raising=False)
    ended = run_command("bench", "table2", "--budget", "cpu", "--out", tmp_path, "--device", "cpu")
    assert ended.status == 2
    assert "set OVERREAD_DATA" in ended.err


def test_a_digest_of_code_follows_imports_and_ignores_comments(tmp_path, monkeypatch):
    def forget():
        code_digest._tree.cache_clear()
        code_digest.code_digest.cache_clear()

    def digest(helper):
        (tmp_path / "training").mkdir(exist_ok=True)
        (tmp_path / "training" / "loop.py").write_text(helper)
        monkeypatch.setattr(code_digest, "_ROOT", tmp_path)
        forget()
        return code_digest.code_digest("overread.method")

    (tmp_path / "method.py").write_text("from overread.training import loop\nfrom overread.training.loop import step\n")
    first = digest("def step():\n    return 1\n")
    assert digest('"""Steps."""\n\ndef step():\n    """One."""\n    return 1  # here\n') == first
    assert digest("def step():\n    return 2\n") != first
    monkeypatch.undo()
    forget()
    dividemix, cross_entropy = (
        code_digest.code_digest(f"overread.benchmark.trainers.{name}") for name in ("dividemix", "cross_entropy")
    )
    assert dividemix != cross_entropy


@pytest.mark.slow
def test_the_smoke_budget_goes_through_every_row_of_every_table(tmp_path, monkeypatch):
    load_features = accuracy_cells.load_features
    narrow = 32  # of two thousand numbers, which half of the time would be spent on
    monkeypatch.setattr(
        accuracy_cells, "load_features", lambda *data, **options: load_features(*data, **options)[:, :narrow]
    )
    for table in budgets.TABLES:
        ended = run_command(
            *("bench", table, "--budget", "smoke", "--seeds", 1, "--out", tmp_path, "--device", "cpu", "--json")
        )
        assert ended.status == 0, ended.err
        found = json.loads(ended.out)["results"]
        assert found
        assert not any("failed" in line for line in found)
    page = (tmp_path / "accuracy.md").read_text()
    assert [page.count(f"## {title}, budget smoke") for title in TITLES.values()] == [1] * len(budgets.TABLES)
