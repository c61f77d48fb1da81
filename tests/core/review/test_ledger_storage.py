import hashlib
import hmac
import json
import multiprocessing
import resource
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from overread.errors import LedgerError
from overread.review import database, schema
from overread.review.ledger import Ledger
from overread.review.ledger_state import Head, LedgerStateFile
from tests.core.review.verdicts import verdict

COLUMNS = [column.name for column in schema.ledger.columns]
KEY = b"a study's secret"
CHAIN_COLUMNS = ("study", "sequence", "previous_hash", "hash")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "review.db"


@pytest.fixture
def ledger(path):
    ledger = Ledger.open(f"sqlite:///{path}", "study", KEY)
    for name in ("s1", "s2", "s3"):
        ledger.record(verdict(name, note="ÿ"))
    ledger.undo("ann")
    return ledger


def tamper(path, *statements):
    """Change the file as someone would who knows how to drop the triggers."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for name in ("ledger_no_update", "ledger_no_delete", "ledger_no_replace"):
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET reader = 'eve'",
        "UPDATE ledger SET note = '' WHERE sequence = 3",
        "DELETE FROM ledger",
        "DELETE FROM ledger WHERE sequence = 4",
        "INSERT OR REPLACE INTO ledger SELECT * FROM ledger WHERE sequence = 1",
        f"REPLACE INTO ledger SELECT study, 9, {', '.join(COLUMNS[2:])} FROM ledger WHERE sequence = 1",
    ],
)
def test_the_database_itself_refuses_to_change_a_row(ledger, path, statement):
    before = ledger.history()
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    assert ledger.history() == before


def test_the_chain_is_hmac_sha256_over_json_from_a_zero_hash(ledger, path):
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT * FROM ledger ORDER BY sequence").fetchall()
    previous, place = "0" * 64, COLUMNS.index("hash")
    for number, row in enumerate(rows, start=1):
        assert row[1] == number
        assert row[place - 1] == previous
        # The grade and the identity are the last columns, and hashed only where there is one.
        content = json.dumps([*row[:place], *row[place + 1 : -2]], separators=(",", ":"))
        previous = hmac.new(KEY, content.encode(), hashlib.sha256).hexdigest()
        assert row[place] == previous
    assert len(rows) == 4
    assert ledger.verify_chain() == Head(4, previous)


@pytest.mark.parametrize("column", [name for name in COLUMNS if name not in CHAIN_COLUMNS])
def test_the_chain_shows_a_change_of_any_column(ledger, path, column):
    value = {"score": "0.5", "elapsed_ms": "7", "chain": "1"}.get(column, "'x'")
    tamper(path, f"UPDATE ledger SET {column} = {value} WHERE sequence = 2")
    with pytest.raises(LedgerError, match="row 2"):
        ledger.verify_chain()


@pytest.mark.parametrize(
    ("statements", "row"),
    [
        (["DELETE FROM ledger WHERE sequence = 1"], 1),
        (["DELETE FROM ledger WHERE sequence = 2"], 2),
        (["DELETE FROM ledger WHERE sequence = 2", "UPDATE ledger SET sequence = sequence - 1 WHERE sequence > 2"], 2),
        (["UPDATE ledger SET previous_hash = hash WHERE sequence = 3"], 3),
        (["UPDATE ledger SET hash = previous_hash WHERE sequence = 4"], 4),
    ],
)
def test_the_chain_names_the_first_row_that_is_missing_or_forged(ledger, path, statements, row):
    tamper(path, *statements)
    with pytest.raises(LedgerError, match=f"row {row}:"):
        ledger.verify_chain()


def test_the_migrations_build_the_schema_that_the_code_declares(ledger):
    with ledger.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": schema.VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, schema.metadata) == []
        assert context.get_current_revision() == schema.SCHEMA_REVISION


def test_the_migrations_columns_stand_in_the_order_of_the_code(ledger, path):
    with closing(sqlite3.connect(path)) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(ledger)")]
    assert names == COLUMNS


def test_the_declared_revision_is_the_newest_migration():
    scripts = ScriptDirectory(str(Path(database.__file__).with_name("migrations")))
    assert scripts.get_heads() == [schema.SCHEMA_REVISION]


def test_a_ledger_of_a_newer_program_is_not_opened(ledger, path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE {schema.VERSION_TABLE} SET version_num = '0009'")
    with pytest.raises(LedgerError, match=r"newer Overread \(schema 0009"):
        Ledger.open(f"sqlite:///{path}", "study")


def test_opening_again_leaves_the_file_as_it_is(ledger, path):
    before = path.read_bytes()
    Ledger.open(f"sqlite:///{path}", "study").decisions()
    assert path.read_bytes() == before


def test_the_file_is_the_owners_alone_and_written_through(ledger, path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with ledger.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() >= 1_000


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc to see open files")
def test_no_operation_leaves_the_file_open(ledger, path):
    ledger.decisions()
    with pytest.raises(LedgerError):
        ledger.undo("ann", verdict("s1").idempotency_key)
    targets = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert [target for target in targets if path.name in target] == []


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("sqlite:////no/such/folder/review.db", "folder"),
        ("sqlite://", "names no file"),
        ("not a url", "URL"),
        ("nosuchdatabase://host/name", "URL"),
    ],
)
def test_a_database_that_cannot_be_had_is_one_clear_error(url, word):
    with pytest.raises(LedgerError, match=word):
        Ledger.open(url, "study")


def test_a_file_that_is_no_database_is_one_clear_error_and_stays(path):
    path.write_text("these are somebody's notes and no database at all" * 50)
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="not a database"):
        Ledger.open(f"sqlite:///{path}", "study")
    assert path.read_bytes() == before


def test_a_file_that_cannot_grow_is_a_ledger_error_and_leaves_the_chain_whole(ledger):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(LedgerError, match="database reports"):
            ledger.record(verdict("s9", note="x" * 100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(ledger.history()) == 4
    ledger.verify_chain()
    assert ledger.record(verdict("s9"))


def test_threads_that_record_one_key_leave_one_row(path):
    Ledger.open(f"sqlite:///{path}", "study")

    def press(number):
        return Ledger.open(f"sqlite:///{path}", "study").record(verdict(f"s{number % 5}"))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(press, range(40)))
    ledger = Ledger.open(f"sqlite:///{path}", "study")
    assert sum(answers) == 5
    assert sorted(row.sample_id for row in ledger.history()) == ["s0", "s1", "s2", "s3", "s4"]
    ledger.verify_chain()


@pytest.mark.parametrize("num_files", [1, 8])
def test_threads_may_open_new_ledgers_at_once(tmp_path, num_files):
    def begin(number):
        return Ledger.open(f"sqlite:///{tmp_path / f'{number % num_files}.db'}", "study").record(verdict())

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(begin, range(8))) == num_files


def race(url, barrier, answers):
    barrier.wait(60)
    ledger = Ledger.open(url, "study")
    answers.put([ledger.record(verdict(f"s{number}")) for number in range(25)])
    ledger.engine.dispose()


def test_two_processes_that_record_the_same_keys_leave_one_row_each(url):
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
    assert [one + other for one, other in zip(first, second, strict=True)] == [1] * 25
    ledger = Ledger.open(url, "study")
    assert len(ledger.history()) == 25
    ledger.verify_chain()


def test_a_row_that_another_saves_while_the_ledger_is_read_is_not_said_to_be_lost(url, tmp_path):
    class BesideAWriter(LedgerStateFile):
        """Another process saves a row just before the file is read, whenever that is."""

        def read(self):
            assert other.record(verdict(f"s{len(other.history())}"))
            return LedgerStateFile(self.path, self.key).read()

    path = tmp_path / "ledger.json"
    other = Ledger.open(url, "study", b"key", state_file=LedgerStateFile(path, b"key"))
    other.record(verdict("first"))
    ledger = Ledger.open(url, "study", b"key", state_file=BesideAWriter(path, b"key"), creates=False)
    assert [one.verdict.sample_id for one in ledger.decisions()] == ["first", "s1", "s2"]
    assert [one.verdict.sample_id for one in ledger.decisions("ann")] == ["first", "s1", "s2", "s3"]
