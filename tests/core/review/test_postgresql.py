"""What PostgreSQL alone may do: refuse a connection, be locked, be started anew, be used by many."""

import builtins
import multiprocessing
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from overread.errors import LedgerBusyError, LedgerError, ReadOnlyError
from overread.review import database, schema
from overread.review import postgresql as module
from overread.review.ledger import Ledger
from overread.review.row_transfer import copy_rows
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


def test_the_server_s_statistics_know_a_study_that_was_copied_into_it(ledger, url):
    for sample_id in ("s1", "s2"):
        ledger.record(verdict(sample_id))
    copy_rows(Ledger.open(url, "copy", b"key"), ledger.history())
    known = "SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'ledger' AND attname = 'study'"
    with ledger.engine.connect() as connection:
        assert "copy" in connection.execute(text(known)).scalar_one()


def test_a_writer_that_holds_the_ledger_makes_others_wait_and_then_say_so(ledger, monkeypatch):
    with ledger.writing() as connection:
        connection.execute(text("SELECT 1"))
        monkeypatch.setattr(module, "LOCK_TIMEOUT_S", 0.2)
        database.open_engine.cache_clear()
        other = Ledger.open(str(ledger.engine.url).replace("+psycopg", ""), "study", b"key")
        with pytest.raises(LedgerBusyError, match="in use by somebody else"):
            other.record(verdict())
        assert other.decisions() == []
        other.engine.dispose()
    ledger.engine.dispose()


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
    with pytest.raises(LedgerBusyError, match=r"the review ledger's server cannot be reached .*refused"):
        ledger.record(verdict("s3"))
    ledger.engine.dispose()


def test_a_connection_that_is_lost_while_a_row_is_written_leaves_none_and_may_be_tried_again(ledger):
    ledger.record(verdict("s1"))
    end_session = text("SELECT pg_terminate_backend(:number)")
    with pytest.raises(LedgerBusyError, match="cannot be reached"), ledger.writing() as connection:
        number = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with ledger.engine.connect() as other:
            other.execute(end_session, {"number": number})
        ledger.append(connection, kind="verdict", idempotency_key="lost")
    assert ledger.record(verdict("s2"))
    assert [row.sample_id for row in ledger.history()] == ["s1", "s2"]


def test_connections_are_kept_and_few(postgresql, ledger):
    for number in range(5):
        ledger.record(verdict(f"s{number}"))
    name = ledger.engine.url.database
    assert num_connections(postgresql, name) == 1
    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(lambda number: ledger.record(verdict(f"t{number}")), range(64)))
    end = time.monotonic() + 10
    while num_connections(postgresql, name) > module.POOL_SIZE and time.monotonic() < end:
        time.sleep(0.05)  # the server takes a while to end the others
    assert num_connections(postgresql, name) <= module.POOL_SIZE
    assert ledger.verify_chain().sequence == 69


def num_connections(server_url, database_name):
    engine = database.open_engine(server_url)
    with engine.connect() as connection:
        query = text("SELECT count(*) FROM pg_stat_activity WHERE datname = :name")
        found = connection.execute(query, {"name": database_name}).scalar_one()
    engine.dispose()
    return found


def test_a_server_that_takes_no_writes_is_read(ledger):
    ledger.record(verdict("s1"))
    with ledger.engine.connect() as connection, connection.begin():
        connection.execute(text(f"ALTER DATABASE {ledger.engine.url.database} SET default_transaction_read_only = on"))
    ledger.engine.dispose()
    with pytest.raises(ReadOnlyError, match="does not accept writes"):
        ledger.record(verdict("s2"))
    assert [row.sample_id for row in ledger.history()] == ["s1"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_makes_connections_of_its_own(ledger):
    ledger.record(verdict("s1"))
    child = multiprocessing.get_context("fork").Process(target=lambda: ledger.record(verdict("s2")))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    assert ledger.record(verdict("s3"))
    assert [row.sample_id for row in ledger.history()] == ["s1", "s2", "s3"]


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
