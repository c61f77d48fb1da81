"""Timeouts for object storage and web servers."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from typing import Any

from overread.errors import ImageError

GRACE_S = 60
"""For a file of any size: to be found, through redirects, and to start."""
MIN_BYTES_PER_S = 20_000
"""The least average speed of a download once the grace period is over."""
LONGEST_S = 2 * 3600
LOOK_UP_S = 30
"""To look up one file."""
LISTING_S = 600
"""To list a folder, which may hold a million objects."""
_POLL_S = 0.2


class TooSlowError(ImageError):
    """A server took too long."""

    def __init__(self) -> None:
        super().__init__("its server is too slow")


def seconds_for(num_bytes: int) -> float:
    """How long the download of these may take."""
    return min(GRACE_S + num_bytes / MIN_BYTES_PER_S, LONGEST_S)


def result_of(
    coroutine: Coroutine[Any, Any, Any],
    loop: asyncio.AbstractEventLoop,
    *,
    max_seconds: Callable[[], float],
    stop: threading.Event | None = None,
) -> Any:
    """What a coroutine returns or raises that runs in the loop of another thread.

    max_seconds: the time limit, called repeatedly while it runs. Raises TooSlowError when it is exceeded, and
    ImageError once `stop` is set; then the coroutine is cancelled.
    """
    since = time.monotonic()
    outcome: Future[Any] = Future()

    async def run() -> None:
        try:
            outcome.set_result(await coroutine)
        except asyncio.CancelledError:
            outcome.cancel()
            raise
        except Exception as error:
            outcome.set_exception(error)

    task = asyncio.run_coroutine_threadsafe(run(), loop)
    try:
        while not wait([outcome], _POLL_S).done:
            if stop is not None and stop.is_set():
                raise ImageError("its download was stopped")
            if time.monotonic() - since > max_seconds():
                raise TooSlowError
    except BaseException:
        task.cancel()
        wait([outcome], _POLL_S)  # so that it does not write into a file that is closed
        raise
    return outcome.result()
