"""A ledger on a PostgreSQL server: restarted, read-only, held by others, and asked for without its driver."""

import multiprocessing
import os
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import LedgerBusyError, LedgerError, ReadOnlyError
from core.review import postgresql as module
from core.review.database import open_engine
from core.review.ledger import Ledger
from tests.core.review.verdicts import verdict

ROOT = Path(__file__).parents[3]


@pytest.fixture
def url(postgresql):
    url = postgresql.make_database()
    yield url
    open_engine(url).dispose()


def name_of(url):
    return url.rpartition("/")[2]


def num_connections(postgresql, url):
    query = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name_of(url)}'"
    return postgresql.execute(query)[0][0]


def test_the_server_refuses_to_change_a_row(postgresql, url):
    ledger = Ledger.open(url, "study")
    ledger.record(verdict())
    for statement in ("UPDATE ledger SET reader = 'eve'", "DELETE FROM ledger", "TRUNCATE ledger"):
        with pytest.raises(Exception, match="append-only"):
            postgresql.execute(statement, name_of(url))
    assert len(ledger.history()) == 1


def test_a_restarted_server_is_survived(postgresql, url):
    ledger = Ledger.open(url, "study")
    ledger.record(verdict("s1"))
    postgresql.stop()
    try:
        with pytest.raises(LedgerError, match=r"the review ledger's database answers: .*refused"):
            ledger.record(verdict("s2"))
    finally:
        postgresql.start()
    assert ledger.record(verdict("s2"))
    postgresql.stop()
    postgresql.start()
    assert ledger.record(verdict("s3"))  # with connections in the pool that the old server had
    assert ledger.verify_chain().sequence == 3


def test_connections_are_kept_and_few(postgresql, url):
    ledger = Ledger.open(url, "study")
    for number in range(5):
        ledger.record(verdict(f"s{number}"))
    assert num_connections(postgresql, url) == 1
    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(lambda number: ledger.record(verdict(f"t{number}")), range(64)))
    assert num_connections(postgresql, url) <= module.POOL_SIZE
    assert ledger.verify_chain().sequence == 69


def test_a_ledger_that_somebody_holds_is_busy_and_nothing_is_saved(postgresql, url, monkeypatch):
    import psycopg

    monkeypatch.setattr(module, "LOCK_TIMEOUT_S", 0.2)
    ledger = Ledger.open(url, "study")
    with closing(psycopg.connect(url)) as other:
        other.execute("LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE")
        began_s = time.monotonic()
        with pytest.raises(LedgerBusyError, match="in use by somebody else; nothing was saved"):
            ledger.record(verdict())
        assert time.monotonic() - began_s < 2
    assert ledger.record(verdict())


def test_a_server_that_takes_no_writes_is_read(postgresql, url):
    ledger = Ledger.open(url, "study")
    ledger.record(verdict("s1"))
    postgresql.execute(f"ALTER DATABASE {name_of(url)} SET default_transaction_read_only = on")
    ledger.engine.dispose()
    with pytest.raises(ReadOnlyError, match="takes no writes"):
        ledger.record(verdict("s2"))
    assert [row.sample_id for row in ledger.history()] == ["s1"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_makes_connections_of_its_own(url):
    ledger = Ledger.open(url, "study")
    ledger.record(verdict("s1"))
    child = multiprocessing.get_context("fork").Process(target=lambda: ledger.record(verdict("s2")))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    assert ledger.record(verdict("s3"))
    assert [row.sample_id for row in ledger.history()] == ["s1", "s2", "s3"]


def begin(url, barrier, answers):
    barrier.wait(60)
    answers.put(Ledger.open(url, "study").record(verdict()))


def test_processes_that_open_a_new_database_at_once_migrate_it_once(url):
    spawn = multiprocessing.get_context("spawn")
    barrier, answers = spawn.Barrier(3), spawn.Queue()
    processes = [spawn.Process(target=begin, args=(url, barrier, answers)) for _ in range(3)]
    for process in processes:
        process.start()
    assert sorted(answers.get(timeout=60) for _ in processes) == [False, False, True]
    for process in processes:
        process.join(30)
        process.close()
    answers.close()
    Ledger.open(url, "study").verify_chain()


BLOCKED = """
import sys
{block}
from core.errors import LedgerError
from core.review.database import open_engine
try:
    open_engine("postgresql://user@host/name")
except LedgerError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "block",
    ["sys.modules['psycopg'] = None", "sys.modules['psycopg_binary'] = sys.modules['ctypes.util'] = None"],
    ids=["psycopg", "libpq"],
)
def test_a_missing_driver_is_named_with_the_command_that_installs_it(block):
    program = [sys.executable, "-c", BLOCKED.format(block=block)]
    told = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "psycopg" in told
    assert "libpq" in told
    assert "pip install 'psycopg[binary]'" in told


def test_the_extra_is_the_driver_that_the_tests_run_with():
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (pinned,) = content["project"]["optional-dependencies"]["postgresql"]
    assert pinned in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
