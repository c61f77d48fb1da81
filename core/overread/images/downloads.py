"""Local copies of remote files, for as long as their images are being read."""

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
"""After this many files of one server that were too slow, no more of its files are downloaded."""


class Downloads:
    """Local copies of remote files, each until the last of its images has been read. Safe in threads."""

    def __init__(self, places: Iterable[str], stop: threading.Event | None = None) -> None:
        """places: the URL of each image that will be read; of a file with several frames, once for each. stop: once it
        is set, nothing more is downloaded."""
        self._num_left = Counter(places)
        self._num_slow: Counter[str] = Counter()
        self._stop = stop
        self._downloads: dict[str, _Download] = {}
        self._lock = threading.Lock()

    @contextmanager
    def local(self, place: str) -> Iterator[str]:
        """The path of the local copy of one image's file. Raises ImageError."""
        with self._lock:
            download = self._downloads.setdefault(place, _Download())
        try:
            with download.lock:
                if download.fault:
                    raise ImageError(download.fault)
                if download.file is None:
                    download.file = self._fetch(place, download)
            yield download.file.name
        finally:
            with self._lock:
                self._num_left[place] -= 1
                if self._num_left[place] <= 0:
                    del self._downloads[place]
                    if download.file is not None:
                        download.file.close()

    def _fetch(self, place: str, download: "_Download") -> IO[bytes]:
        host = host_of(place)
        try:
            if self._num_slow[host] >= _MAX_SLOW:
                raise TooSlowError
            return open_remote(place, stop=self._stop)
        except ImageError as error:
            with self._lock:
                self._num_slow[host] += isinstance(error, TooSlowError)
            download.fault = str(error)
            raise


@dataclass(slots=True)
class _Download:
    lock: threading.Lock = field(default_factory=threading.Lock)
    file: IO[bytes] | None = None
    fault: str = ""
