import json

import pytest

from overread.benchmark.budgets import TABLES
from tests.core.commands import run_command

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("table", TABLES)
def test_the_smoke_budget_runs(tmp_path, table):
    arguments = ("bench", table, "--budget", "smoke", "--seeds", 1, "--out", tmp_path, "--device", "cuda", "--json")
    ended = run_command(*arguments)
    assert ended.status == 0, ended.err
    found = json.loads(ended.out)["results"]
    assert found
    assert not any("failed" in line for line in found)
    assert all(line["peak_mb"] > 0 for line in found if line["start"] != "features")
