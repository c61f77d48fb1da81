"""A ledger in a SQLite file: creating and opening it, taking turns at writing, and SQLite's errors."""

import os
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import lock_descriptor, unlock_descriptor
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from overread.errors import LedgerBusyError, LedgerError, LedgerFaultError, LedgerFullError, ReadOnlyError
from overread.review.places import EPHEMERAL_VARIABLE, has_content, is_full, is_temporary, is_writable, ledger_mode
from overread.review.read_copy import copy_instead, make_copy

BUSY = "the review ledger is in use by somebody else; nothing was saved"
BUSY_TIMEOUT_S = 2.0
"""How long a writer waits while no other writer commits either."""
_LAST_TRY_S = 0.1
_POLL_S = (0.0005, 0.004)
"""The shortest and the longest time between two attempts to get a turn."""
_PLACE_ERRORS = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL)


class _OnCopy(sqlite3.Connection):
    """A connection to a copy, which is read-only."""


def make_engine(url: URL) -> Engine:
    """Raises LedgerError if the URL names no file."""
    if not url.database or url.database == ":memory:":
        raise LedgerError("the review ledger's database URL names no file; write sqlite:////full/path/review.db")
    path = Path(url.database).absolute()
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, creator=lambda: connect(path))
    event.listen(engine, "begin", _begin)
    return engine


def connect(path: Path) -> sqlite3.Connection:
    """A connection to an existing file, or to a copy of it where SQLite cannot read it in its place.

    Raises LedgerFaultError where the file is gone.
    """
    copy = copy_instead(path)
    if copy is None:
        try:
            return _opened(path)
        except sqlite3.OperationalError as error:
            if not path.is_file():
                raise LedgerFaultError(
                    f"{path}: the review ledger is missing; nothing was changed: restore a backup (`overread restore`)"
                ) from error
            # In WAL mode, even reading needs a file of shared memory beside the database.
            if error.sqlite_errorcode & 0xFF not in _PLACE_ERRORS or not is_unwritable(path):
                raise
            copy = make_copy(path)
    return _opened(copy, factory=_OnCopy)


def create_file(path: Path, *, timeout_s: float) -> None:
    """Create the file in WAL mode, for its owner only or shared as its folder is; an existing one is unchanged.

    Raises LedgerFaultError where the folder is missing or cannot be written to, and LedgerError where it is temporary.
    """
    if not path.parent.is_dir():
        raise LedgerFaultError(f"{path.parent}: no such folder for the review ledger; create it, or choose another")
    if has_content(path):
        return
    check_writable(path)
    check_persistent(path)
    try:
        # It holds readers' names and notes: only the owner may read it, unless the owner shares the folder.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, ledger_mode(path)))
        _switch_to_wal(path, timeout_s)
    except (OSError, sqlite3.Error) as error:
        raise translate_error(path, error) or LedgerFaultError(
            f"{path}: the review ledger cannot be created ({error}); fix that and try again"
        ) from error


def check_persistent(path: Path) -> None:
    """Raise LedgerError where a ledger that does not exist yet would be created in a temporary folder."""
    if not has_content(path) and is_temporary(path.parent) and os.environ.get(EPHEMERAL_VARIABLE) != "1":
        raise LedgerError(
            f"{path.parent}: is emptied when the machine restarts, or sooner, so verdicts would be lost; move the "
            "study to a permanent disk, or pass --ephemeral if you do not need to keep them"
        )


def check_writable(path: Path) -> None:
    """Raise ReadOnlyError where the file or its folder cannot be written."""
    if not is_writable(path):
        raise _read_only(path)


def is_unwritable(path: Path) -> bool:
    """Whether the file is on a read-only or full disk."""
    return not is_writable(path) or is_full(path.parent)


@contextmanager
def writer_turn(connection: Connection, *, timeout_s: float | None = None) -> Iterator[None]:
    """Held by one writer at a time; the others follow roughly in the order in which they came.

    SQLite's own waiting is not fair: of twenty writers some wait for seconds. The lock is on the folder, and released
    when the process ends. It only orders the writers, since SQLite itself keeps them apart: a writer that does not get
    it while no other one commits tries without it, and SQLite says whether the database is busy.
    """
    timeout_s = BUSY_TIMEOUT_S if timeout_s is None else timeout_s
    path, driver = ledger_file(connection.engine), connection.connection.driver_connection
    assert driver is not None  # as long as the connection is open
    if isinstance(driver, _OnCopy):
        raise _full(path) if is_writable(path) else _read_only(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        has_turn = _wait(descriptor, driver, timeout_s)
        driver.execute(f"PRAGMA busy_timeout={int(1000 * (timeout_s if has_turn else _LAST_TRY_S))}")
        yield
    finally:
        # Explicitly: a process forked meanwhile holds the same descriptor, so that closing ours would free nothing.
        unlock_descriptor(descriptor)
        os.close(descriptor)


def translate_error(path: Path, error: BaseException | None) -> LedgerFaultError | None:
    """The LedgerFaultError for an error of SQLite; None if it is not a known one."""
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LedgerBusyError(BUSY)
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return LedgerFaultError(
            f"{path}: the review ledger is damaged ({error}); nothing was changed: restore a backup "
            "(`overread restore`)"
        )
    is_of_place = code in _PLACE_ERRORS
    if code == sqlite3.SQLITE_READONLY or (is_of_place and not is_writable(path)):
        return _read_only(path)
    if code == sqlite3.SQLITE_FULL or (is_of_place and is_full(path.parent)):
        return _full(path)
    return None


def _read_only(path: Path) -> ReadOnlyError:
    return ReadOnlyError(f"{path.parent}: is read-only: verdicts can be read but not saved")


def _full(path: Path) -> LedgerFullError:
    return LedgerFullError(f"{path.parent}: the disk is full; nothing was saved: free some space and try again")


def _opened(path: Path, factory: type[sqlite3.Connection] = sqlite3.Connection) -> sqlite3.Connection:
    # mode=rw: never makes a file where the ledger is gone.
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, factory=factory
    )
    try:
        # FULL: in WAL mode, a commit is on the disk before "saved" is shown (NORMAL may lose the last at a power cut).
        connection.execute("PRAGMA synchronous=FULL")
        # Opens the write-ahead log. While this connection waits for its turn, no other connection is the last one to be
        # closed, which would copy the log into the database, flush both to the disk and delete the log.
        connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _begin(connection: Connection) -> None:
    # The driver begins no transaction by itself (isolation_level=None). A writer takes the write lock before it reads,
    # so that what it has read is still true when it writes.
    is_writing = connection.get_execution_options().get("is_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def _wait(descriptor: int, connection: sqlite3.Connection, timeout_s: float) -> bool:
    """Whether the lock was acquired before no writer had committed for that long."""
    began = since = time.monotonic()
    num_commits = _num_commits(connection)
    while True:
        try:
            if lock_descriptor(descriptor, blocking=False):
                return True
        except OSError:
            return False  # a file system without locks
        now = time.monotonic()
        if now - since > timeout_s:
            before, num_commits = num_commits, _num_commits(connection)
            if num_commits == before:
                return False
            since = now
        # A writer that has waited longer tries more often, and so comes first.
        shortest, longest = _POLL_S
        time.sleep(max(shortest, longest / (1 + 20 * (now - began))) * random.uniform(0.5, 1.5))  # nosec B311 # a wait


def _num_commits(connection: sqlite3.Connection) -> int:
    """A number that changes whenever another connection commits."""
    return connection.execute("PRAGMA data_version").fetchone()[0]


def _switch_to_wal(path: Path, timeout_s: float) -> None:
    # The mode is stored in the file. SQLite does not wait here while another process does the same, so this does.
    deadline = time.monotonic() + timeout_s
    while True:
        with closing(sqlite3.connect(path, timeout=timeout_s)) as connection:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
        time.sleep(0.02)


def ledger_file(engine: Engine) -> Path:
    """The file of a SQLite ledger."""
    if engine.url.database is None:
        raise LedgerError("OVERREAD_DATABASE: a SQLite URL without a file; name one, as in sqlite:////path/review.db")
    return Path(engine.url.database)
