"""The database under the ledger: one short transaction per operation, SQLite or PostgreSQL by URL."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from overread.errors import LedgerBusyError, LedgerError, LedgerFaultError
from overread.review import postgresql, sqlite
from overread.review.places import has_content
from overread.review.read_copy import copy_instead, forget_copy, make_copy
from overread.review.schema import SCHEMA_REVISION, VERSION_TABLE

MIGRATION_LOCK = 0x6F766572
"""The key of PostgreSQL's advisory lock, under which one process migrates while the others wait."""
MIGRATION_TIMEOUT_S = 30.0
"""How long a migration waits for others, writers and migrations both."""

_migration_lock = threading.Lock()  # Alembic keeps its context in module globals: one migration per process at a time


@lru_cache(maxsize=16)
def open_engine(url: str) -> Engine:
    """The engine of a URL, safe for threads and forks. For SQLite it keeps no connection open between operations.

    Raises LedgerError if the URL does not name a usable database.
    """
    try:
        parsed = make_url(url)
        is_sqlite = parsed.get_backend_name() == "sqlite"
        return sqlite.make_engine(parsed) if is_sqlite else postgresql.make_engine(parsed)
    except (ArgumentError, NoSuchModuleError) as error:
        raise LedgerError(
            "the review ledger's database URL cannot be used; write sqlite:////full/path/review.db or "
            "postgresql://user@host/name in OVERREAD_DATABASE"
        ) from error


@contextmanager
def transaction(engine: Engine, *, is_writing: bool = False, timeout_s: float | None = None) -> Iterator[Connection]:
    """A connection in one transaction, committed at the end, closed in any case.

    A SQLite file that cannot be read where it is, is read from a copy. timeout_s: how long a writer of SQLite waits
    while no other writer commits either; BUSY_TIMEOUT_S if None.
    Raises LedgerError where the database does not take a row's content, and LedgerFaultError for any other error of it:
    LedgerBusyError where another process has locked it or its server cannot be reached, LedgerFullError and
    ReadOnlyError where it cannot be written.
    """
    has_turns = is_writing and engine.dialect.name == "sqlite"
    if has_turns:
        path = sqlite.ledger_file(engine)
        sqlite.check_writable(path)
        if copy_instead(path) and not sqlite.is_unwritable(path):
            forget_copy(path)
            prepare(engine)
    try:
        with (
            engine.connect().execution_options(is_writing=is_writing) as connection,
            sqlite.writer_turn(connection, timeout_s=timeout_s) if has_turns else nullcontext(),
            connection.begin(),
        ):
            yield connection
    except PoolTimeoutError as error:  # no connection to the server came free
        raise LedgerBusyError(postgresql.BUSY) from error
    except DBAPIError as error:
        raise _translate_error(engine, error) from error
    except sqlite3.Error as error:  # while waiting for a turn
        raise _translate_error(engine, error) from error


def prepare(engine: Engine) -> None:
    """Migrate the database to this program's schema; does next to nothing where that is done already.

    Of a SQLite file that cannot be written, a copy is brought there, which is read from then on.
    Raises LedgerError if a newer program wrote it, or if it cannot be opened.
    """
    if _is_current(engine):
        return
    with _migration_lock:
        if engine.dialect.name != "sqlite":
            _migrate_alone(engine)
            return
        path = sqlite.ledger_file(engine)
        sqlite.create_file(path, timeout_s=MIGRATION_TIMEOUT_S)
        try:
            _migrate_alone(engine)
        except LedgerError:
            if not sqlite.is_unwritable(path) or not has_content(path):
                raise
            _migrate_alone(open_engine(f"sqlite:///{make_copy(path, is_instead=True)}"))


def migrate(connection: Connection) -> None:
    """Run the migrations that are missing, in the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    command.upgrade(config, "head")


def _migrate_alone(engine: Engine) -> None:
    with transaction(engine, is_writing=True, timeout_s=MIGRATION_TIMEOUT_S) as connection:
        if engine.dialect.name == "postgresql":
            postgresql.set_lock_timeout(connection, MIGRATION_TIMEOUT_S)
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        migrate(connection)


def _is_current(engine: Engine) -> bool:
    if engine.dialect.name == "sqlite" and not has_content(sqlite.ledger_file(engine)):
        return False
    with transaction(engine) as connection:
        if not inspect(connection).has_table(VERSION_TABLE):
            return False
        revision = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar() or ""  # nosec B608 # a constant
    if revision > SCHEMA_REVISION:
        raise LedgerError(
            f"the review ledger was written by a newer Overread (schema {revision}, this one knows {SCHEMA_REVISION}); "
            "update Overread to open it"
        )
    return revision == SCHEMA_REVISION


def _translate_error(engine: Engine, error: DBAPIError | sqlite3.Error) -> LedgerError:
    of_driver = error if isinstance(error, sqlite3.Error) else error.orig
    if engine.dialect.name == "sqlite":
        found = sqlite.translate_error(sqlite.ledger_file(engine), of_driver)
    else:
        found = postgresql.translate_error(error) if isinstance(error, DBAPIError) else None
    reason = postgresql.first_line(of_driver)
    kind = LedgerError if isinstance(error, DataError | IntegrityError) else LedgerFaultError
    return found or kind(f"the review ledger's database reports: {reason}; fix that and try again")
