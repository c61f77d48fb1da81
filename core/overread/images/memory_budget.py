"""A bound on the pixels that are decoded at the same time: large images wait for each other."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class MemoryBudget:
    """The number of pixels that threads may decode at the same time. An image of more pixels is decoded alone."""

    def __init__(self, num_pixels: int) -> None:
        self._num_pixels = self._num_free = num_pixels
        self._changed = threading.Condition()

    @contextmanager
    def for_one_image(self) -> Iterator[None]:
        """Within it, the one image that this thread decodes waits in `reserve_memory`; at the end its pixels are
        released."""
        _thread.budget, _thread.num_reserved = self, 0
        try:
            yield
        finally:
            with self._changed:
                self._num_free += _thread.num_reserved
                self._changed.notify_all()
            _thread.budget = None

    def _reserve(self, num_pixels: int) -> int:
        num_reserved = min(num_pixels, self._num_pixels)
        with self._changed:
            self._changed.wait_for(lambda: self._num_free >= num_reserved)
            self._num_free -= num_reserved
        return num_reserved


class _Thread(threading.local):
    budget: MemoryBudget | None = None
    num_reserved = 0


_thread = _Thread()


def reserve_memory(num_pixels: int) -> None:
    """Wait until the budget has room for an image of this size, known from its header, before it is decoded.

    Returns at once outside of `MemoryBudget.for_one_image`, and where memory is reserved for this image already.
    """
    if _thread.budget is not None and not _thread.num_reserved:
        _thread.num_reserved = _thread.budget._reserve(num_pixels)
