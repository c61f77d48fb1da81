"""The database under the ledger: one short transaction per operation, SQLite or PostgreSQL by URL."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from core.errors import LedgerError
from core.review.schema import SCHEMA_REVISION, VERSION_TABLE

BUSY_TIMEOUT_S = 30.0
MIGRATION_LOCK = 0x6F766572
"""The key of PostgreSQL's advisory lock under which one process migrates and the others wait."""

_migration_lock = threading.Lock()  # Alembic keeps its context in module globals: one migration per process at a time


@lru_cache(maxsize=16)
def open_engine(url: str) -> Engine:
    """The engine of a URL. It keeps no connection open between operations (safe for threads and forks).

    Raises LedgerError if the URL names no database that can be used.
    """
    try:
        parsed = make_url(url)
        is_sqlite = parsed.get_backend_name() == "sqlite"
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        if is_sqlite:
            options = {"connect_args": {"timeout": BUSY_TIMEOUT_S, "isolation_level": None}}
        else:
            # A writer waits for the lock and then reads: it must see what the one before it committed meanwhile.
            options = {"isolation_level": "READ COMMITTED"}
        engine = create_engine(parsed, poolclass=NullPool, **options)
    except (ArgumentError, NoSuchModuleError) as error:
        raise LedgerError(
            "the review ledger's database URL cannot be used; write sqlite:////full/path/review.db or "
            "postgresql://user@host/name in OVERREAD_DATABASE"
        ) from error
    except ImportError as error:
        raise LedgerError(f"the review ledger's database needs the package {error.name}; install it") from error
    if is_sqlite:
        if not parsed.database or parsed.database == ":memory:":
            raise LedgerError("the review ledger's database URL names no file; write sqlite:////full/path/review.db")
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(connection: sqlite3.Connection, _: Any) -> None:
    # FULL: in WAL mode, a commit is on the disk before "saved" is shown (NORMAL may lose the last ones at a power cut).
    connection.execute("PRAGMA synchronous=FULL")


def _begin(connection: Connection) -> None:
    # The driver begins no transaction by itself (isolation_level=None). A writer takes the write lock before it reads:
    # what it read is then still so when it writes.
    is_writing = connection.get_execution_options().get("is_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


@contextmanager
def transaction(engine: Engine, *, is_writing: bool = False) -> Iterator[Connection]:
    """A connection in one transaction, committed at the end, closed in any case.

    Raises LedgerError for what the database refuses or cannot do.
    """
    try:
        with engine.connect().execution_options(is_writing=is_writing) as connection, connection.begin():
            yield connection
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise LedgerError(f"the review ledger's database answers: {reason}; mend that and try again") from error


def prepare(engine: Engine) -> None:
    """Bring the database to this program's schema; next to nothing is done where it is there already.

    Raises LedgerError if a newer program wrote it, or if it cannot be opened.
    """
    if _is_current(engine):
        return
    with _migration_lock:
        if engine.dialect.name == "sqlite":
            _create_file(engine)
        with transaction(engine, is_writing=True) as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            migrate(connection)


def migrate(connection: Connection) -> None:
    """Run the migrations that are missing, in the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    command.upgrade(config, "head")


def _is_current(engine: Engine) -> bool:
    if engine.dialect.name == "sqlite" and not Path(engine.url.database).is_file():
        return False
    with transaction(engine) as connection:
        if not inspect(connection).has_table(VERSION_TABLE):
            return False
        revision = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar() or ""
    if revision > SCHEMA_REVISION:
        raise LedgerError(
            f"the review ledger was written by a newer Overread (schema {revision}, this one knows {SCHEMA_REVISION}); "
            "update Overread to open it"
        )
    return revision == SCHEMA_REVISION


def _create_file(engine: Engine) -> None:
    path = Path(engine.url.database)
    if not path.parent.is_dir():
        raise LedgerError(f"{path.parent}: there is no such folder for the review ledger; make it, or name another")
    try:
        # Readers' names and notes are in it: nobody but the owner reads it, unless the owner says so.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        _switch_to_wal(path)
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(f"{path}: the review ledger cannot be opened ({error}); mend or restore the file") from error


def _switch_to_wal(path: Path) -> None:
    # The mode stays with the file. SQLite doesn't wait here while another process does the same: so this does.
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        finally:
            connection.close()
        time.sleep(0.02)
