"""The database under the ledger: one short transaction per operation, SQLite or PostgreSQL by URL."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import NullPool, QueuePool

from core.errors import LedgerBusyError, LedgerError, ReadOnlyError
from core.review import sqlite
from core.review.schema import SCHEMA_REVISION, VERSION_TABLE

MIGRATION_LOCK = 0x6F766572
"""The key of PostgreSQL's advisory lock under which one process migrates and the others wait."""
LOCK_TIMEOUT_S = 5
"""How long a writer of PostgreSQL waits for the one before it."""
_BUSY = ("database is locked", "database table is locked", "lock timeout", "could not obtain lock")
_DAMAGED = ("not a database", "malformed", "corrupt", "invalid page")
_READ_ONLY = ("readonly database", "read-only")

_migration_lock = threading.Lock()  # Alembic keeps its context in module globals: one migration per process at a time


@lru_cache(maxsize=16)
def open_engine(url: str) -> Engine:
    """The engine of a URL. Of SQLite it keeps no connection open between operations (safe for threads and forks).

    Raises LedgerError if the URL names no database that can be used.
    """
    try:
        parsed = make_url(url)
        is_sqlite = parsed.get_backend_name() == "sqlite"
        if is_sqlite and (not parsed.database or parsed.database == ":memory:"):
            raise LedgerError("the review ledger's database URL names no file; write sqlite:////full/path/review.db")
        return _sqlite_engine(parsed.database) if is_sqlite else _server_engine(parsed)
    except (ArgumentError, NoSuchModuleError) as error:
        raise LedgerError(
            "the review ledger's database URL cannot be used; write sqlite:////full/path/review.db or "
            "postgresql://user@host/name in OVERREAD_DATABASE"
        ) from error
    except ImportError as error:  # psycopg raises one without a name where libpq is missing
        package = error.name or "psycopg with libpq"
        raise LedgerError(
            f"the review ledger's database needs the package {package}, which is not installed; "
            "pip install 'psycopg[binary]'"
        ) from error


def _sqlite_engine(file: str) -> Engine:
    engine = create_engine(f"sqlite:///{file}", creator=lambda: sqlite.connect(Path(file)), poolclass=NullPool)
    event.listen(engine, "begin", _begin)
    return engine


def _server_engine(url: Any) -> Engine:
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return create_engine(
        url,
        # A writer waits for the lock and then reads: it must see what the one before it committed meanwhile.
        isolation_level="READ COMMITTED",
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=12,
        pool_pre_ping=True,  # a server that was started anew meanwhile is survived
        connect_args={"connect_timeout": 10, "options": f"-c lock_timeout={1000 * LOCK_TIMEOUT_S}"},
    )


def _begin(connection: Connection) -> None:
    # The driver begins no transaction by itself (isolation_level=None). A writer takes the write lock before it reads:
    # what it read is then still so when it writes.
    is_writing = connection.get_execution_options().get("is_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


@contextmanager
def transaction(engine: Engine, *, is_writing: bool = False) -> Iterator[Connection]:
    """A connection in one transaction, committed at the end, closed in any case.

    A SQLite file that cannot be written to is read from a copy of it. Raises LedgerError for what the database refuses
    or cannot do: LedgerBusyError where somebody else holds it, ReadOnlyError where it cannot be written.
    """
    with _told(), ExitStack() as stack:
        if engine.dialect.name == "sqlite":
            path = Path(engine.url.database)
            if is_writing:
                stack.enter_context(sqlite.turn(path))
            elif not _is_readable(engine, path):
                engine = _copy_engine(path, sqlite.stamp(path))
        connection = stack.enter_context(engine.connect().execution_options(is_writing=is_writing))
        with connection.begin():
            yield connection


def _is_readable(engine: Engine, path: Path) -> bool:
    """Whether SQLite can read the file where it is: it writes beside it even then, which a full or read-only disk does
    not let it do."""
    if not sqlite.is_there(path):
        return True  # and the error says that it is gone
    if not sqlite.is_writable(path):
        return False
    if sqlite.is_in_use(path):
        return True
    try:
        with engine.connect() as connection, connection.begin():
            connection.exec_driver_sql("PRAGMA schema_version").fetchone()
    except OperationalError as error:
        return not sqlite.is_disk_error(error.orig)
    except DBAPIError:  # a damaged file is said to be so by whoever reads it
        return True
    return True


@contextmanager
def _told() -> Iterator[None]:
    """Turns what the drivers raise into a LedgerError that says what to do."""
    try:
        yield
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0]
        told = reason.lower()
        if any(word in told for word in _BUSY):
            raise LedgerBusyError("the review ledger is in use by somebody else; nothing was saved") from error
        if any(word in told for word in _READ_ONLY):
            raise ReadOnlyError(
                "the review ledger cannot be written: its disk is read-only; nothing was saved"
            ) from error
        if any(word in told for word in _DAMAGED):
            raise LedgerError(
                f"the review ledger is damaged ({reason}); nothing was touched: put a backup back (`python -m core "
                "restore`)"
            ) from error
        raise LedgerError(f"the review ledger's database answers: {reason}; mend that and try again") from error


def prepare(engine: Engine) -> None:
    """Bring the database to this program's schema; next to nothing is done where it is there already.

    Raises LedgerError if a newer program wrote it, or if it cannot be opened.
    """
    if _is_current(engine):
        return
    with _migration_lock:
        if engine.dialect.name == "sqlite":
            sqlite.create_file(Path(engine.url.database))
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
    if engine.dialect.name == "sqlite" and not sqlite.is_there(Path(engine.url.database)):
        return False
    with transaction(engine) as connection:
        revision = _revision(connection)
    if revision > SCHEMA_REVISION:
        raise LedgerError(
            f"the review ledger was written by a newer Overread (schema {revision}, this one knows {SCHEMA_REVISION}); "
            "update Overread to open it"
        )
    return revision == SCHEMA_REVISION


def _revision(connection: Connection) -> str:
    if not inspect(connection).has_table(VERSION_TABLE):
        return ""
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar() or ""


@lru_cache(maxsize=4)
def _copy_engine(path: Path, _stamp: tuple[int, ...]) -> Engine:
    """Of a private copy of the file as it is now, brought to this program's schema."""
    engine = _sqlite_engine(str(sqlite.private_copy(path)))
    with engine.connect().execution_options(is_writing=True) as connection, connection.begin():
        if "" < _revision(connection) < SCHEMA_REVISION:
            with _migration_lock:
                migrate(connection)
    return engine
