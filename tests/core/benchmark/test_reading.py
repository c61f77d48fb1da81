import json
import sqlite3
from contextlib import closing

from overread.review.ledger import Ledger
from tests.core.commands import run_command


def test_bench_read_counts_the_decisions_of_its_ledger(tmp_path):
    database = f"sqlite:///{tmp_path / 'review.db'}"
    ended = run_command("bench", "read", "--rows", 30, "--out", tmp_path / "out", "--database", database, "--json")
    assert ended.status == 0, ended.err
    of_one, of_all = json.loads(ended.out)["results"]
    # Ten verdicts of the first reader are added before everyone's are read.
    assert (of_one["num_decisions"], of_all["num_decisions"]) == (10, 40)
    with closing(sqlite3.connect(tmp_path / "review.db")) as connection:
        ((study,),) = connection.execute("SELECT DISTINCT study FROM ledger")
    assert Ledger.open(database, study, b"a key for measuring").verify_chain().sequence == 50
