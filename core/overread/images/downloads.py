"""Remote files on this machine's disk, for as long as their images are being read."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO

from overread.errors import ImageError
from overread.images.remote import NUM_CONNECTIONS, host_of
from overread.images.remote_file import open_remote
from overread.images.timeouts import TooSlowError

_MAX_SLOW = NUM_CONNECTIONS
"""After so many files of one server that were too slow, no more of it are waited for."""


class Downloads:
    """Remote files on this machine's disk, each until the last of its images has been read. Safe in threads."""

    def __init__(self, places: Iterable[str], stop: threading.Event | None = None) -> None:
        """places: the URL of each image that will be read; of a file with several frames, once for each. stop: once it
        is set, nothing more is downloaded."""
        self._num_left = Counter(places)
        self._num_slow: Counter[str] = Counter()
        self._stop = stop
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    @contextmanager
    def local(self, place: str) -> Iterator[str]:
        """The path of the file of one image. Raises ImageError."""
        with self._lock:
            kept = self._kept.setdefault(place, _Kept())
        try:
            with kept.lock:
                if kept.fault:
                    raise ImageError(kept.fault)
                if kept.file is None:
                    kept.file = self._downloaded(place, kept)
            yield kept.file.name
        finally:
            with self._lock:
                self._num_left[place] -= 1
                if self._num_left[place] <= 0:
                    del self._kept[place]
                    if kept.file is not None:
                        kept.file.close()

    def _downloaded(self, place: str, kept: "_Kept") -> IO[bytes]:
        host = host_of(place)
        try:
            if self._num_slow[host] >= _MAX_SLOW:
                raise TooSlowError
            return open_remote(place, stop=self._stop)
        except ImageError as error:
            with self._lock:
                self._num_slow[host] += isinstance(error, TooSlowError)
            kept.fault = str(error)
            raise


@dataclass(slots=True)
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    file: IO[bytes] | None = None
    fault: str = ""
