"""Files in object storage and on web servers, through fsspec: what is there, and getting it.

Endpoints and credentials are those of the environment, as the packages of each storage read them; which web servers
may be asked is in addresses.py, how long each may take in patience.py. No message and no log names a URL.
"""

import errno
import hashlib
import io
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from overread.errors import ImageError
from overread.images.addresses import ALLOW_VARIABLE, PrivateAddressError, allows_private, public_session
from overread.images.credentials import with_credentials
from overread.images.silence import silence_loggers
from overread.images.timeouts import LISTING_S, LOOK_UP_S, TooSlowError, result_of, seconds_for

PACKAGES = {
    "s3": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "http": "aiohttp",
    "https": "aiohttp",
}
"""What a URL may begin with, and the package that opens it."""
ABSENT = (-1, -1)
"""The stamp of what is not there, or cannot be told: no file has it."""
MAX_BYTES = 2 * 10**9
NUM_CONNECTIONS = 16
_FEW = 8
"""In a folder of object storage, so many files are asked for one by one; more by one listing of the folder."""
_CONNECT_TIMEOUT_S = 10
_READ_TIMEOUT_S = 60
_NUM_ATTEMPTS = 3
_CHUNK_BYTES = 2**18
_MAX_REDIRECTS = 5
_UNSEEN_BYTES = {"az": 2**25, "abfs": 2**25}
"""So many have come before the first of them are written: Azure's package asks for 32 MB at once."""
_TAGS = ("ETag", "etag", "md5Hash", "Last-Modified", "LastModified", "last_modified", "updated")
"""What storages call that by which the content is told from another one of the same size."""
_MISSING = "there is no such file"
_FORBIDDEN = "the file may not be read"
_UNREACHABLE = "its server cannot be reached"
_PRIVATE = f"its server has no public address; allow that with --allow-private-urls, or by {ALLOW_VARIABLE}=1"
_TOO_LARGE = f"too large (over {MAX_BYTES // 10**6} MB)"


@dataclass(frozen=True, slots=True)
class Found:
    """What a storage says of one file."""

    num_bytes: int = 0
    stamp: tuple[int, int] = ABSENT
    """Size in bytes, and a number that changes with the content; ABSENT where the storage does not tell."""
    fault: str = ""
    """Why the file cannot be had; empty where it can."""


def protocol_of(place: str) -> str:
    """The one of PACKAGES that a URL begins with; empty for a path, and for any other URL."""
    protocol, mark, _ = place.partition("://")
    return protocol if mark and protocol in PACKAGES else ""


def is_remote(place: str) -> bool:
    """Whether it is a URL of one of PACKAGES' protocols."""
    return bool(protocol_of(place))


def is_web(place: str) -> bool:
    """Whether it is a URL of a web server."""
    return protocol_of(place) in ("http", "https")


def host_of(place: str) -> str:
    """The server or bucket of a URL."""
    parts = urlsplit(place)
    return f"{parts.scheme}://{parts.netloc}"


@lru_cache
def missing_package(protocol: str) -> str:
    """The package that opens URLs of this protocol, one of PACKAGES, if it is not installed; else nothing."""
    return "" if find_spec(PACKAGES[protocol]) else PACKAGES[protocol]


def look_up(places: Collection[str]) -> dict[str, Found]:
    """What there is at each of these URLs.

    One listing for each folder of object storage, or one request for each file where they are few or on a web server.
    A server that cannot be reached, or takes too long, is asked once.
    """
    folders: dict[str, list[str]] = defaultdict(list)
    for place in dict.fromkeys(places):
        folders[place.rpartition("/")[0]].append(place)
    unreachable: dict[str, str] = {}
    found: dict[str, Found] = {}
    stop = threading.Event()
    with ThreadPoolExecutor(NUM_CONNECTIONS, thread_name_prefix="look up") as threads:
        try:
            many = [files for folder, files in folders.items() if len(files) > _FEW and not is_web(folder)]
            for listed in threads.map(lambda files: _listed(files, unreachable, stop), many):
                found |= listed
            rest = [place for files in folders.values() for place in files if place not in found]
            found |= zip(rest, threads.map(lambda place: _asked(place, unreachable, stop), rest), strict=True)
        finally:
            stop.set()
    return found


def open_remote(place: str, *, first_bytes: int | None = None, stop: threading.Event | None = None) -> IO[bytes]:
    """The file, downloaded into a temporary one that is gone when it is closed; its `name` is a path.

    first_bytes: where given, no more of the file than these are needed. stop: once it is set, the download ends.
    Raises ImageError, also where the file takes too long to come.
    """
    file = tempfile.NamedTemporaryFile(prefix="overread-")  # noqa: SIM115 closed by the caller
    num_left = _NUM_ATTEMPTS
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
                reason, num_left = _reason(error), num_left - 1
                if not num_left or reason in (_MISSING, _FORBIDDEN, _PRIVATE):
                    raise ImageError(reason) from None
    except BaseException:
        file.close()
        raise


class _LimitedFile(io.BufferedWriter):
    """Takes so many bytes, then raises: a server need not send what it told, and a zipped answer swells."""

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
    files = _files(place)
    name = _asked_name(files, place)

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
                    raise ImageError(_TOO_LARGE) from None
    elif first_bytes is None:
        wait_for(files._get_file(name, path), seconds)
    else:
        content = wait_for(files._cat_file(name, start=0, end=first_bytes), lambda: seconds_for(first_bytes))
        Path(path).write_bytes(content)


def _listed(places: list[str], unreachable: dict[str, str], stop: threading.Event) -> dict[str, Found]:
    """Of files in one folder; none of them where the folder may not be listed."""
    files = _files(places[0])
    names = {place: files._strip_protocol(place) for place in places}
    try:
        listing = files._ls(names[places[0]].rpartition("/")[0], detail=True)
        entries = result_of(listing, files.loop, max_seconds=lambda: LISTING_S, stop=stop)
    except Exception as error:  # each storage has exceptions of its own
        reason = _reason(error)
        if reason == _FORBIDDEN:  # single files may still be open to everyone
            return {}
        if _is_of_server(error, reason):
            unreachable[host_of(places[0])] = reason
        return dict.fromkeys(places, Found(fault=reason))
    by_name = {entry["name"]: entry for entry in entries if entry["type"] == "file"}
    return {place: _found(by_name[name]) if name in by_name else Found(fault=_MISSING) for place, name in names.items()}


def _asked(place: str, unreachable: dict[str, str], stop: threading.Event) -> Found:
    host = host_of(place)
    if host in unreachable:
        return Found(fault=unreachable[host])
    files = _files(place)
    try:
        asking = files._info(_asked_name(files, place))
        entry = result_of(asking, files.loop, max_seconds=lambda: LOOK_UP_S, stop=stop)
    except Exception as error:  # each storage has exceptions of its own
        # fsspec calls whatever happens on the web a missing file, and keeps what it was as the cause.
        reason = _reason(error.__cause__ if is_web(place) and error.__cause__ else error)
        if _is_of_server(error, reason):
            unreachable[host] = reason
        return Found(fault=reason)
    return _found(entry) if entry["type"] == "file" else Found(fault=_MISSING)


def _found(entry: dict[str, Any]) -> Found:
    num_bytes = int(entry.get("size") or 0)
    tag = next((str(entry[name]) for name in _TAGS if entry.get(name)), "")
    if num_bytes > MAX_BYTES:
        return Found(num_bytes, fault=_TOO_LARGE)
    number = int.from_bytes(hashlib.sha256(tag.encode()).digest()[:6])
    return Found(num_bytes, (num_bytes, number) if tag else ABSENT)


def _reason(error: BaseException) -> str:
    if isinstance(error, ImageError):
        return str(error)
    if _is_private(error):
        return _PRIVATE
    # By names, for the packages that define these need not be installed.
    names = {kind.__name__ for kind in type(error).__mro__}
    status = getattr(error, "status", None)
    if status in (404, 410) or "FileNotFoundError" in names:
        return _MISSING
    if status in (401, 403) or names & {"PermissionError", "NoCredentialsError", "ClientAuthenticationError"}:
        return _FORBIDDEN
    if names & {"TimeoutError", "ConnectionError", "ClientConnectionError", "HTTPClientError", "ServiceRequestError"}:
        return _UNREACHABLE
    return "it cannot be downloaded"


def _is_private(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, PrivateAddressError):
        error = error.__cause__
    return error is not None


def _is_of_server(error: Exception, reason: str) -> bool:
    """Whether the server's other files would fare no better."""
    return reason == _UNREACHABLE or isinstance(error, TooSlowError)


def _asked_name(files: Any, place: str) -> str:
    """What the storage's package is asked for."""
    return with_credentials(place) if is_web(place) else files._strip_protocol(place)


def _files(place: str) -> Any:
    protocol = protocol_of(place)
    return _file_system(protocol, is_any_allowed=is_web(place) and allows_private())


@lru_cache
def _file_system(protocol: str, *, is_any_allowed: bool = False) -> Any:
    """One for all threads: fsspec's own cache makes one for each, with connections of its own.

    is_any_allowed: of the web, whether servers with private addresses may be asked.
    """
    import fsspec

    options: dict[str, Any] = {}
    if protocol in ("http", "https"):
        from aiohttp import ClientTimeout

        timeout = ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT_S, sock_read=_READ_TIMEOUT_S)
        options["client_kwargs"] = {"timeout": timeout, "trust_env": True}  # the environment's proxies and .netrc
        options["max_redirects"] = _MAX_REDIRECTS
        if not is_any_allowed:
            options["get_client"] = public_session
    elif protocol == "s3":
        options["anon"] = _has_no_credentials()
        options["config_kwargs"] = {
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "read_timeout": _READ_TIMEOUT_S,
            "retries": {"mode": "standard", "max_attempts": _NUM_ATTEMPTS},
            "max_pool_connections": NUM_CONNECTIONS,
        }
    files = fsspec.filesystem(protocol, skip_instance_cache=True, use_listings_cache=False, **options)
    silence_loggers("fsspec", "s3fs", "aiobotocore", "botocore", "urllib3", "aiohttp", "gcsfs", "adlfs", "azure")
    return files


def _has_no_credentials() -> bool:
    from botocore.session import get_session

    return get_session().get_credentials() is None
