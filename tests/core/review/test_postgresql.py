"""What PostgreSQL alone may do: refuse a connection, be locked, be started anew, be used by many."""

import builtins
import multiprocessing
import tempfile
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from core.errors import LedgerBusyError, LedgerError
from core.review import database, schema
from core.review.ledger import Ledger
from tests.core.review.conftest import new_database
from tests.core.review.postgresql import server
from tests.core.review.verdicts import verdict


@pytest.fixture
def url(postgresql):
    url = new_database(postgresql)
    yield url
    database.open_engine(url).dispose()


@pytest.fixture
def ledger(url):
    return Ledger.open(url, "study", b"key")


def test_the_migrations_build_the_schema_that_the_code_declares(ledger):
    with ledger.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": schema.VERSION_TABLE})
        assert compare_metadata(context, schema.metadata) == []


@pytest.mark.parametrize("statement", ["UPDATE ledger SET note = 'x'", "DELETE FROM ledger", "TRUNCATE ledger"])
def test_the_database_itself_refuses_to_change_a_row(ledger, statement):
    ledger.record(verdict())
    with ledger.engine.connect() as connection, pytest.raises((ProgrammingError, IntegrityError, Exception)) as refusal:
        connection.execute(text(statement))
    assert "append-only" in str(refusal.value)
    ledger.verify_chain()


def test_a_writer_that_holds_the_ledger_makes_others_wait_and_then_say_so(ledger, monkeypatch):
    with ledger.writing() as connection:
        connection.execute(text("SELECT 1"))
        monkeypatch.setattr(database, "LOCK_TIMEOUT_S", 0.2)
        database.open_engine.cache_clear()
        other = Ledger.open(str(ledger.engine.url).replace("+psycopg", ""), "study", b"key")
        with pytest.raises(LedgerBusyError, match="in use by somebody else"):
            other.record(verdict())
        assert other.decisions() == []
        other.engine.dispose()
    ledger.engine.dispose()


def race(url, barrier, answers):
    barrier.wait(60)
    ledger = Ledger.open(url, "study", b"key")
    answers.put([ledger.record(verdict(f"s{number}")) for number in range(10)])
    ledger.engine.dispose()


def test_processes_that_record_the_same_keys_in_a_new_database_leave_one_row_each(url):
    spawn = multiprocessing.get_context("spawn")
    barrier, answers = spawn.Barrier(2), spawn.Queue()
    processes = [spawn.Process(target=race, args=(url, barrier, answers)) for _ in range(2)]
    for process in processes:
        process.start()
    first, second = answers.get(timeout=60), answers.get(timeout=60)
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
        process.close()
    answers.close()
    assert [one + other for one, other in zip(first, second, strict=True)] == [1] * 10
    assert Ledger.open(url, "study", b"key").verify_chain().sequence == 10


def test_a_server_that_was_started_anew_meanwhile_is_survived():
    folder = Path(tempfile.mkdtemp(prefix="overread-"))
    folder.chmod(0o755)
    with server(folder / "one") as url:
        ledger = Ledger.open(url, "study", b"key")
        ledger.record(verdict("s1"))
        with ledger.engine.connect() as connection:
            # Every connection but this one is gone, as after a restart.
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            )
        assert ledger.record(verdict("s2"))
        ledger.engine.dispose()
    with pytest.raises(LedgerError):
        ledger.record(verdict("s3"))
    ledger.engine.dispose()


@pytest.mark.parametrize("name", ["psycopg", None], ids=["no psycopg", "no libpq"])
def test_a_missing_driver_is_named_with_the_command_that_brings_it(monkeypatch, name):
    real = builtins.__import__

    def absent(module, *arguments, **options):
        if module.split(".")[0] == "psycopg":
            raise ImportError("no pq wrapper available", name=name)
        return real(module, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(LedgerError, match=r"needs the package psycopg.*pip install 'psycopg\[binary\]'"):
        database.open_engine("postgresql://user@127.0.0.1:1/absent")
