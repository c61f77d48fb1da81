import json
import sqlite3
from contextlib import closing

from overread.review.ledger import Ledger
from tests.core.commands import run_command


def test_bench_read_counts_what_is_in_its_ledger(tmp_path):
    database = f"sqlite:///{tmp_path / 'review.db'}"
    ended = run_command("bench", "read", "--rows", 30, "--out", tmp_path / "out", "--database", database, "--json")
    assert ended.status == 0, ended.err
    numbers = [row["number"] for row in json.loads(ended.out)["results"]]
    # Ten verdicts of the first reader are added before everyone's are read. Two of the ten samples are disputed.
    assert numbers == [10, 40, 2]
    with closing(sqlite3.connect(tmp_path / "review.db")) as connection:
        ((study,),) = connection.execute("SELECT DISTINCT study FROM ledger")
    assert (
        Ledger.open(database, study, b"a key for measuring").verify_chain().sequence == 61
    )  # with a round, and ten answers in it
