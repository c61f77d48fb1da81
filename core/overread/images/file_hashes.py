"""The SHA-256 of image files: each file is read once, however many of its frames are samples."""

import hashlib
import threading
from pathlib import Path
from typing import Any, cast

from overread.errors import ImageError
from overread.images.location import Location


def file_sha256(location: Location) -> str:
    """The SHA-256 of an image's file, which is downloaded if it is remote. Raises ImageError, which names no file."""
    try:
        with location.open() as file:
            return hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
    except PermissionError:
        raise ImageError("no permission to read the file") from None
    except OSError:
        raise ImageError("the file cannot be read") from None


class FileHashes:
    """The hash of each file, computed once. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._known: dict[str, str] = {}

    def of(self, place: str, path: str | Path | None = None) -> str:
        """The SHA-256 of the file at `place`, read from `path` if there is a local copy. Raises ImageError."""
        with self._lock:
            lock = self._locks.setdefault(place, threading.Lock())
        with lock:
            if place not in self._known:
                self._known[place] = file_sha256(Location(str(path or place)))
            return self._known[place]
