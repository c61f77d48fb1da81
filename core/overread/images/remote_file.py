"""Downloads a remote file into a temporary one."""

import errno
import io
import tempfile
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import IO, Any

from overread.errors import ImageError
from overread.images.remote import (
    FORBIDDEN,
    MAX_BYTES,
    MISSING,
    NUM_ATTEMPTS,
    PRIVATE,
    TOO_LARGE,
    fault_of,
    file_system,
    is_web,
    name_in_storage,
    protocol_of,
)
from overread.images.timeouts import result_of, seconds_for

_CHUNK_BYTES = 2**18
_UNSEEN_BYTES = {"az": 2**25, "abfs": 2**25}
"""Bytes that arrive before the first are written: Azure's package asks for 32 MB at once."""


def open_remote(place: str, *, first_bytes: int | None = None, stop: threading.Event | None = None) -> IO[bytes]:
    """The file, downloaded into a temporary one that is deleted when it is closed; its `name` is a path.

    first_bytes: where given, only these are needed. stop: once it is set, the download ends. Raises ImageError, also
    where the download takes too long.
    """
    file = tempfile.NamedTemporaryFile(prefix="overread-")  # noqa: SIM115 closed by the caller
    num_left = NUM_ATTEMPTS
    try:
        while True:
            try:
                _download(place, file.name, first_bytes, stop)
                return file
            except ImageError:
                raise
            except Exception as error:  # each storage has exceptions of its own
                if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                    raise
                reason, num_left = fault_of(error), num_left - 1
                if not num_left or reason in (MISSING, FORBIDDEN, PRIVATE):
                    raise ImageError(reason) from None
    except BaseException:
        file.close()
        raise


class _LimitedFile(io.BufferedWriter):
    """A file that raises beyond a number of bytes: a server may send more than it said, or a compressed answer."""

    def __init__(self, path: str, max_bytes: int) -> None:
        super().__init__(io.FileIO(path, "w"))
        self.num_left = max_bytes

    def write(self, data: Any) -> int:
        super().write(data[: self.num_left])
        self.num_left -= len(data)
        if self.num_left < 0:
            raise _Full
        return len(data)


class _Full(Exception):
    pass


def _download(place: str, path: str, first_bytes: int | None, stop: threading.Event | None) -> None:
    files = file_system(place)
    name = name_in_storage(files, place)

    def wait_for(coroutine: Coroutine[Any, Any, Any], max_seconds: Callable[[], float]) -> Any:
        return result_of(coroutine, files.loop, max_seconds=max_seconds, stop=stop)

    def seconds() -> float:
        return seconds_for(Path(path).stat().st_size + _UNSEEN_BYTES.get(protocol_of(place), 0))  # what has come

    if is_web(place):
        with _LimitedFile(path, MAX_BYTES if first_bytes is None else first_bytes) as file:
            try:
                wait_for(files._get_file(name, file, chunk_size=_CHUNK_BYTES), seconds)
            except _Full:
                if first_bytes is None:
                    raise ImageError(TOO_LARGE) from None
    elif first_bytes is None:
        wait_for(files._get_file(name, path), seconds)
    else:
        content = wait_for(files._cat_file(name, start=0, end=first_bytes), lambda: seconds_for(first_bytes))
        Path(path).write_bytes(content)
