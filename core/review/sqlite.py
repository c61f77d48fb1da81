"""What SQLite needs around it: a file that is never made by accident, a fair turn for writers, a copy to read from.

review.db            the ledger, in WAL mode
.review.db.turn      whose lock (flock) is held by the writer whose turn it is; gone with its process
"""

import atexit
import errno
import fcntl
import os
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from core.errors import LedgerBusyError, LedgerError, ReadOnlyError

BUSY_TIMEOUT_S = 2.0
"""How long SQLite waits for a program that holds the file without waiting for its turn."""
TURN_TIMEOUT_S = 5.0
"""How long a writer waits for those before it."""
_CREATION_TIMEOUT_S = 30.0
EPHEMERAL_VARIABLE = "OVERREAD_EPHEMERAL"
"""Set to 1, it lets a ledger be made in a temporary folder."""
_TEMPORARY_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/run")
_SHARED_BYTES = 32_768
_UNREADABLE = ("unable to open", "disk i/o error", "disk is full", "readonly", "read-only")


def is_there(path: Path) -> bool:
    """Whether the file is there and not empty."""
    try:
        return path.is_file() and path.stat().st_size > 0
    except OSError:
        return False


def connect(path: Path) -> sqlite3.Connection:
    """A connection to a file that is there: none is made. Raises LedgerError where it is gone."""
    if not path.is_file():
        raise LedgerError(
            f"{path}: the review ledger is gone; nothing was touched: put a backup back (`python -m core restore`)"
        )
    connection = sqlite3.connect(
        f"file:{quote(str(path.resolve()))}?mode=rw", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
    )
    # FULL: in WAL mode, a commit is on the disk before "saved" is shown (NORMAL may lose the last ones at a power cut).
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def create_file(path: Path) -> None:
    """Make the file, for its owner alone or as its folder is shared, in WAL mode; one that is there stays as it is.

    Raises LedgerError where the folder is absent, cannot be written to, or is a temporary one.
    """
    if not path.parent.is_dir():
        raise LedgerError(f"{path.parent}: there is no such folder for the review ledger; make it, or name another")
    if not is_there(path) and not os.access(path.parent, os.W_OK):
        raise ReadOnlyError(f"{path.parent}: cannot be written, so that no verdict can be saved in it")
    check_place(path)
    try:
        # Readers' names and notes are in it: nobody but the owner reads it, unless the owner says so.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _mode(path)))
        _switch_to_wal(path)
    except (OSError, sqlite3.Error) as error:
        if isinstance(error, sqlite3.DatabaseError) and "not a database" in str(error):
            raise LedgerError(
                f"{path}: the review ledger is damaged ({error}); put a backup back (`python -m core restore`)"
            ) from error
        raise LedgerError(f"{path}: the review ledger cannot be opened ({error}); mend or restore the file") from error


def check_place(path: Path) -> None:
    """Raise LedgerError where a ledger that is not there yet would not last."""
    if not is_there(path) and is_temporary(path.parent) and os.environ.get(EPHEMERAL_VARIABLE) != "1":
        raise LedgerError(
            f"{path.parent}: is emptied when the machine restarts or sooner, and verdicts would be lost; move the "
            "study to a lasting disk, or pass --ephemeral if they need not last"
        )


def is_temporary(folder: Path) -> bool:
    """Whether what lies in the folder goes with the machine's next start, or before."""
    place = folder.resolve()
    folders = {Path(tempfile.gettempdir()).resolve(), *map(Path, _TEMPORARY_FOLDERS)}
    return any(place.is_relative_to(one) for one in folders) or _is_in_memory(place)


def _is_in_memory(place: Path) -> bool:
    mounts = Path("/proc/mounts")
    if not mounts.is_file():
        return False
    found: tuple[Path, str] = (Path("/"), "")
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        _, point, kind, *_ = line.split(" ")
        point = Path(point.encode().decode("unicode_escape"))
        if place.is_relative_to(point) and len(point.parts) >= len(found[0].parts):
            found = point, kind
    return found[1] in ("tmpfs", "ramfs")


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """Held by one writer at a time; the others get their turn about in the order in which they came.

    SQLite's own waiting is a matter of luck: of twenty writers some wait for seconds. Raises LedgerBusyError where the
    turn does not come, and ReadOnlyError where nothing can be written.
    """
    if not os.access(path.parent, os.W_OK):
        raise ReadOnlyError("the study is read-only: nothing can be saved in it")
    try:
        descriptor = os.open(path.with_name(f".{path.name}.turn"), os.O_RDWR | os.O_CREAT, _mode(path))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise LedgerError("the disk is full: nothing was saved; free some room and try again") from error
        raise LedgerError(f"the review ledger cannot be written ({error.strerror}); nothing was saved") from error
    waiting = _Waiting(descriptor)
    if not waiting.wait(TURN_TIMEOUT_S):
        raise LedgerBusyError("the review ledger is in use by somebody else; nothing was saved")
    try:
        yield
    finally:
        os.close(descriptor)


class _Waiting:
    """Waits for a lock in a thread of its own: the kernel's waiting knows an order, and no time-out."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._guard = threading.Lock()
        self._is_held = self._is_given_up = False
        self._held = threading.Event()

    def wait(self, timeout_s: float) -> bool:
        """Whether the lock is held; if not, it is let go as soon as it comes."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            pass
        threading.Thread(target=self._lock, daemon=True, name="ledger turn").start()
        self._held.wait(timeout_s)
        with self._guard:
            self._is_given_up = not self._is_held
        return self._is_held

    def _lock(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        with self._guard:
            self._is_held = not self._is_given_up
        if self._is_given_up:
            os.close(self._descriptor)
        self._held.set()


def is_writable(path: Path) -> bool:
    """Whether the file and its folder, in which SQLite keeps its log, may be written to."""
    return os.access(path.parent, os.W_OK) and os.access(path, os.W_OK)


def is_in_use(path: Path) -> bool:
    """Whether what SQLite shares among processes beside the file is there and whole, so that nothing is to be made."""
    try:
        return path.with_name(f"{path.name}-shm").stat().st_size >= _SHARED_BYTES
    except OSError:
        return False


def is_disk_error(error: BaseException | None) -> bool:
    """Whether SQLite could not read because it could not write beside the file."""
    return any(word in str(error).lower() for word in _UNREADABLE)


def stamp(path: Path) -> tuple[int, ...]:
    """What changes when a row is added to the file, or to the log beside it."""
    parts = []
    for file in (path, path.with_name(f"{path.name}-wal")):
        with suppress(OSError):
            status = file.stat()
            parts += [status.st_size, status.st_mtime_ns]
    return tuple(parts)


def private_copy(path: Path) -> Path:
    """A copy of the file with the rows in its log, for this process alone, in memory where there is a place for it."""
    memory = Path("/dev/shm")
    parent = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="overread-", dir=parent))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for suffix in ("", "-wal"):
        with suppress(FileNotFoundError):
            shutil.copyfile(path.with_name(f"{path.name}{suffix}"), folder / f"{path.name}{suffix}")
    return folder / path.name


def _mode(path: Path) -> int:
    """For the owner alone, unless a group writes into the folder."""
    return 0o660 if path.parent.stat().st_mode & 0o020 else 0o600


def _switch_to_wal(path: Path) -> None:
    # The mode stays with the file. SQLite doesn't wait here while another process does the same: so this does.
    deadline = time.monotonic() + _CREATION_TIMEOUT_S
    while True:
        connection = sqlite3.connect(path, timeout=_CREATION_TIMEOUT_S)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        finally:
            connection.close()
        time.sleep(0.02)
