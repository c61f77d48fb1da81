"""How many pixels are decoded at once: large images wait for each other, so that the memory has a bound."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class MemoryBudget:
    """So many pixels that threads may hold together. An image of more than all of them is decoded alone."""

    def __init__(self, num_pixels: int) -> None:
        self._num_pixels = self._num_free = num_pixels
        self._changed = threading.Condition()

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Within it, the one image that this thread decodes waits in `reserve_memory`; at its end it has left."""
        _thread.room, _thread.num_taken = self, 0
        try:
            yield
        finally:
            with self._changed:
                self._num_free += _thread.num_taken
                self._changed.notify_all()
            _thread.room = None

    def _take(self, num_pixels: int) -> int:
        num_taken = min(num_pixels, self._num_pixels)
        with self._changed:
            self._changed.wait_for(lambda: self._num_free >= num_taken)
            self._num_free -= num_taken
        return num_taken


class _Thread(threading.local):
    room: MemoryBudget | None = None
    num_taken = 0


_thread = _Thread()


def reserve_memory(num_pixels: int) -> None:
    """Wait until there is room for an image of this size: told by its header, before a decoder takes the memory.

    Outside of `MemoryBudget.shared`, and where this image has its room already, nothing is waited for.
    """
    if _thread.room is not None and not _thread.num_taken:
        _thread.num_taken = _thread.room._take(num_pixels)
