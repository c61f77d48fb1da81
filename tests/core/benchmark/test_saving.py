import json
import sqlite3
from contextlib import closing

import pytest

from tests.core.commands import run_command


def test_bench_save_counts_what_the_ledger_holds(tmp_path):
    database = f"sqlite:///{tmp_path / 'review.db'}"
    arguments = ("--out", tmp_path / "out", "--processes", "2", "--seconds", 0.5, "--database", database)
    ended = run_command("bench", "save", *arguments, "--json")
    assert ended.status == 0, ended.err
    (found,) = json.loads(ended.out)["results"]
    with closing(sqlite3.connect(tmp_path / "review.db")) as connection:
        (num_rows,) = connection.execute("SELECT count(*) FROM ledger").fetchone()
    assert (found["num_processes"], found["num_refused"], found["is_whole"]) == (2, 0, True)
    assert num_rows == found["num_saved"] + 2  # each process warms up by one
    assert found["median_ms"] <= found["p95_ms"] <= found["max_ms"]
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("wrong", [("--processes", "0"), ("--processes", "many"), ("--seconds", "0")])
def test_bench_save_with_nothing_to_measure_is_refused(tmp_path, wrong):
    ended = run_command("bench", "save", "--out", tmp_path / "out", *wrong)
    assert ended.status == 2
    assert "processes" in ended.err
