"""A ledger on a PostgreSQL server: a small pool of connections, and what the server's errors mean."""

import os
import weakref
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from overread.errors import LedgerBusyError, LedgerError, LedgerFaultError, LedgerFullError, ReadOnlyError

BUSY = "the review ledger is in use by somebody else; nothing was saved"
LOCK_TIMEOUT_S = 10.0
"""How long a writer waits for those before it. The server's queue is fair: only a hanging writer delays others so
long."""
CONNECT_TIMEOUT_S = 10
POOL_SIZE = 4
"""Connections that a process keeps; under load it opens up to twice as many."""

_BUSY = ("55P03", "40P01", "40001", "53300")
"""Lock not available, deadlock, serialization failure, too many connections (PostgreSQL's appendix A)."""
_LOST = ("57P01", "57P02", "57P03", "57P05", "25P03")
"""The server is being stopped, crashed or is starting, or a timeout ended the session; so do those of class 08."""
_READ_ONLY = ("25006",)
_FULL = ("53100",)
_DAMAGED = ("XX001", "XX002")

_engines: "weakref.WeakSet[Engine]" = weakref.WeakSet()


def make_engine(url: URL) -> Engine:
    """Raises LedgerError if the driver is missing."""
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    is_psycopg = url.drivername == "postgresql+psycopg" and "connect_timeout" not in url.query
    try:
        engine = create_engine(
            url,
            # A writer waits for the lock and then reads: it must see what the previous writer committed meanwhile.
            isolation_level="READ COMMITTED",
            pool_size=POOL_SIZE,
            max_overflow=POOL_SIZE,
            pool_timeout=LOCK_TIMEOUT_S,
            pool_pre_ping=True,  # a connection that a restarted server has dropped is replaced
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S} if is_psycopg else {},
        )
    except ImportError as error:
        # Where libpq is missing, it is psycopg itself that raises, and names no package.
        raise LedgerError(
            "a review ledger in PostgreSQL needs the package psycopg and the library libpq, and one of them is not "
            "installed; install both: pip install 'psycopg[binary]'"
        ) from error
    event.listen(engine, "connect", _set_lock_timeout)
    _engines.add(engine)
    return engine


def set_lock_timeout(connection: Connection, timeout_s: float) -> None:
    """Set how long this transaction waits for locks."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(1000 * timeout_s)}")


def translate_error(error: DBAPIError) -> LedgerFaultError | None:
    """The LedgerFaultError for an error of the server; None if it is not a known one."""
    code = getattr(error.orig, "sqlstate", None)
    if code in _BUSY:
        return LedgerBusyError(BUSY)
    # What fails without a code never reached the server.
    is_unreached = error.connection_invalidated or (code is None and isinstance(error, OperationalError))
    if is_unreached or str(code).startswith("08") or code in _LOST:
        return LedgerBusyError(f"the review ledger's server cannot be reached ({first_line(error.orig)})")
    if code in _READ_ONLY:
        return ReadOnlyError(
            "the review ledger's server does not accept writes (it is a replica, or configured so); nothing was saved"
        )
    if code in _FULL:
        return LedgerFullError(
            "the disk of the review ledger's server is full; nothing was saved: free some space there"
        )
    if code in _DAMAGED:
        return LedgerFaultError(
            f"the review ledger is damaged on its server ({error.orig}); nothing was changed: restore a backup "
            "(`overread restore`)"
        )
    return None


def first_line(error: BaseException | None) -> str:
    """An error in one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _set_lock_timeout(connection: Any, _: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {int(1000 * LOCK_TIMEOUT_S)}")
    connection.commit()


def _forget_parents_connections() -> None:
    """A forked process makes connections of its own; the inherited ones are its parent's."""
    for engine in list(_engines):
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parents_connections)
