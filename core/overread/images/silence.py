"""Suppresses the warnings and log messages of pillow, pydicom and their plugins during decoding.

Their texts quote tag values, which no terminal and no log may show, and under `python -W error` a warning about a
harmless oddity would become an error of the image.
"""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _SilentThread(threading.local):
    """Takes the place of a warning filter's message pattern: matches in threads that decode."""

    is_decoding = False
    pattern = "(?!)"
    """Matches nothing; scikit-learn reads it when it copies a process's filters to its workers."""

    def match(self, _message: str) -> bool:
        return self.is_decoding


# `warnings.catch_warnings` replaces the filters of the whole process: threads that enter and leave it in turn would
# restore each other's state. This filter is added once, never removed, and checks its own thread only.
_thread = _SilentThread()
_FILTER: Any = ("ignore", _thread, Warning, None, 0)
_lock = threading.Lock()


@contextmanager
def silence() -> Iterator[None]:
    """Within it, this thread's warnings are dropped; other threads' are not. Does not nest."""
    filters: Any = warnings.filters  # a list, though typed as a sequence; and not always the same one
    if _FILTER not in filters[:1]:
        with _lock:
            filters.insert(0, _FILTER)
    _thread.is_decoding = True
    try:
        yield
    finally:
        _thread.is_decoding = False


def silence_loggers(*names: str) -> None:
    """Turn off the loggers of these packages and of their modules, for the whole process."""
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
