import json

import pytest

from overread.benchmark import tasks
from overread.benchmark.budgets import TABLES
from tests.core.commands import run_command

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("table", TABLES)
def test_the_smoke_budget_runs(tmp_path, cuda, table):
    arguments = ("bench", table, "--budget", "smoke", "--seeds", 1, "--out", tmp_path, "--device", cuda.type, "--json")
    ended = run_command(*arguments)
    assert ended.status == 0, ended.err
    found = json.loads(ended.out)["results"]
    assert found
    assert not any("failed" in line for line in found)
    assert all(line["peak_mb"] > 0 for line in found if line["start"] != "features")


def test_the_detection_benchmark_runs_on_both_kinds_of_features_and_finds_what_the_cpu_finds(
    tmp_path, cuda, monkeypatch
):
    monkeypatch.setattr(tasks, "NUM_TILES", 60)

    def precisions(device, *arguments):
        place = ("--out", tmp_path / device, "--device", device, "--json")
        ended = run_command("bench", "detection", "--tasks", "demo_tiles", "--seeds", 1, *place, *arguments)
        assert ended.status == 0, ended.err
        found = json.loads(ended.out)["results"]
        return {(line["features"], line["method"]): line["average_precision"] for line in found}

    found = precisions(cuda.type, "--methods", "quick_head,loss")
    assert found.keys() == {(kind, name) for kind in ("simclr", "pretrained") for name in ("quick_head", "loss")}
    expected = precisions("cpu", "--methods", "quick_head,loss", "--features", "pretrained")
    assert {cell: found[cell] for cell in expected} == pytest.approx(expected, abs=0.05)
