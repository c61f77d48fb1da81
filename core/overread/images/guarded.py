"""Reads unusual files in processes that can be killed, so that none of them can block the program or exhaust memory.

There are at most two such processes, started when they are first needed and then kept. This module is also their
program: `python -m overread.images.guarded FILE_DESCRIPTOR`.
"""

import atexit
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from overread.errors import ImageError

MAX_SECONDS, SECONDS_PER_BYTE = 20, 2**-21
"""The time that a file may take, and more for each byte: the slowest decoder needs half of it."""
MAX_BYTES = 6 * 2**30
"""The address space of a process, numpy and its threads included."""
_NUM_PROCESSES = 2
_POLL_SECONDS = 0.05
_ROOT = Path(__file__).parents[2]

_slots = threading.Semaphore(_NUM_PROCESSES)
_idle: list["_Process"] = []
"""Waiting for a call. Appending and popping are atomic."""


def call(function: Callable[[], Any], *, num_bytes: int = 0, stop: threading.Event | None = None) -> Any:
    """What `function` returns in another process; it and its result can be pickled. Safe in threads.

    num_bytes: of the file that the function reads. stop: once it is set, the process is killed. Raises the ImageError
    that the function raises, and one where it takes too long or too much memory, its process dies, or it is stopped.
    """
    while not _slots.acquire(timeout=_POLL_SECONDS):
        _check(stop)
    try:
        process = _take_idle() or _Process()
        try:
            is_good, result = process.call(function, MAX_SECONDS + round(num_bytes * SECONDS_PER_BYTE), stop)
        except BaseException:
            process.kill()
            raise
        _idle.append(process)
    finally:
        _slots.release()
    if not is_good:
        raise ImageError(result)
    return result


def _take_idle() -> "_Process | None":
    while True:
        try:
            process = _idle.pop()
        except IndexError:
            return None
        if process.is_alive():
            return process
        process.kill()


class _Process:
    def __init__(self) -> None:
        self._connection, other = Pipe()
        with other:
            paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
            self._process = subprocess.Popen(
                [sys.executable, "-m", "overread.images.guarded", str(other.fileno())],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                pass_fds=[other.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # the decoders' own texts quote files
            )

    def call(self, function: Callable[[], Any], max_seconds: float, stop: threading.Event | None) -> tuple[bool, Any]:
        """Whether it went well, and the result or the reason why it did not."""
        try:
            self._connection.send((function, max_seconds))
            end = time.monotonic() + max_seconds
            while not self._connection.poll(_POLL_SECONDS):
                _check(stop)
                if time.monotonic() > end:
                    raise ImageError(f"it takes too long to read (over {max_seconds} s)")
            return self._connection.recv()
        except (OSError, EOFError):  # it died
            raise ImageError("the file is damaged") from None

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._connection.close()


def _check(stop: threading.Event | None) -> None:
    if stop is not None and stop.is_set():
        raise ImageError("its reading was stopped")


@atexit.register
def kill_idle() -> None:
    """End the processes that wait for a call, at the program's exit."""
    while _idle:
        _idle.pop().kill()


def _serve(connection: Connection) -> None:
    """The other process: answers calls until the program has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to both; the program kills this process itself
    _limit(resource.RLIMIT_AS, MAX_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    with suppress(EOFError):
        while True:
            function, max_seconds = connection.recv()
            used = resource.getrusage(resource.RUSAGE_SELF)
            # Ends this process even if the program was killed and nobody waits for it.
            _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + 2 * max_seconds) + 1)
            try:
                answer = True, function()
            except ImageError as error:
                answer = False, str(error)
            except MemoryError:
                answer = False, "it takes too much memory to read"
            connection.send(answer)


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


if __name__ == "__main__":
    _serve(Connection(int(sys.argv[1])))
