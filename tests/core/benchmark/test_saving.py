import json
import sqlite3
from contextlib import closing

from tests.core.commands import run_command


def test_bench_save_counts_what_the_ledger_holds(tmp_path):
    database = f"sqlite:///{tmp_path / 'review.db'}"
    arguments = ("--out", tmp_path / "out", "--processes", "2", "--seconds", 0.5, "--database", database)
    ended = run_command("bench", "save", *arguments, "--json")
    assert ended.status == 0, ended.err
    (found,) = json.loads(ended.out)["results"]
    with closing(sqlite3.connect(tmp_path / "review.db")) as connection:
        (num_rows,) = connection.execute("SELECT count(*) FROM ledger").fetchone()
    assert (found["num_processes"], found["num_refused"], found["num_saved"]) == (2, 0, num_rows)
    assert found["median_ms"] <= found["p95_ms"] <= found["max_ms"]
