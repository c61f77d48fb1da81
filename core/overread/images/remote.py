"""Files in object storage and on web servers, through fsspec: their URLs, and the file systems that open them.

Endpoints and credentials are those of the environment, as the packages of each storage read them; which web servers
may be asked is in addresses.py, how long each may take in timeouts.py. No message and no log names a URL.
"""

from functools import lru_cache
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from overread.errors import ImageError
from overread.images.addresses import ALLOW_VARIABLE, PrivateAddressError, allows_private, public_session
from overread.images.credentials import with_credentials
from overread.images.silence import silence_loggers
from overread.images.timeouts import TooSlowError

PACKAGES = {
    "s3": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "http": "aiohttp",
    "https": "aiohttp",
}
"""The protocols of URLs, and the package that opens each."""
ABSENT = (-1, -1)
"""The stamp of a missing file, or of one whose stamp is unknown; no file has it."""
MAX_BYTES = 2 * 10**9
NUM_CONNECTIONS = 16
NUM_ATTEMPTS = 3
MISSING = "no such file"
FORBIDDEN = "no permission to read the file"
PRIVATE = f"its server has no public address; allow that with --allow-private-urls, or by {ALLOW_VARIABLE}=1"
TOO_LARGE = f"too large (over {MAX_BYTES // 10**6} MB)"
"""Why a file cannot be had."""
_UNREACHABLE = "its server cannot be reached"
_CONNECT_TIMEOUT_S = 10
_READ_TIMEOUT_S = 60
_MAX_REDIRECTS = 5


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


def name_in_storage(files: Any, place: str) -> str:
    """The name by which a storage's package knows a URL's file, with credentials where the URL had any."""
    return with_credentials(place) if is_web(place) else files._strip_protocol(place)


def file_system(place: str) -> Any:
    """fsspec's file system that opens a URL; one for all threads."""
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
            "retries": {"mode": "standard", "max_attempts": NUM_ATTEMPTS},
            "max_pool_connections": NUM_CONNECTIONS,
        }
    files = fsspec.filesystem(protocol, skip_instance_cache=True, use_listings_cache=False, **options)
    silence_loggers("fsspec", "s3fs", "aiobotocore", "botocore", "urllib3", "aiohttp", "gcsfs", "adlfs", "azure")
    return files


def _has_no_credentials() -> bool:
    from botocore.session import get_session

    return get_session().get_credentials() is None


def fault_of(error: BaseException) -> str:
    """Why a file cannot be had, without a name or URL, from what its storage's package raised."""
    if isinstance(error, ImageError):
        return str(error)
    if _is_private(error):
        return PRIVATE
    # By name, since the packages that define these need not be installed.
    names = {kind.__name__ for kind in type(error).__mro__}
    status = getattr(error, "status", None)
    if status in (404, 410) or "FileNotFoundError" in names:
        return MISSING
    if status in (401, 403) or names & {"PermissionError", "NoCredentialsError", "ClientAuthenticationError"}:
        return FORBIDDEN
    if names & {"TimeoutError", "ConnectionError", "ClientConnectionError", "HTTPClientError", "ServiceRequestError"}:
        return _UNREACHABLE
    return "it cannot be downloaded"


def _is_private(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, PrivateAddressError):
        error = error.__cause__
    return error is not None


def is_server_fault(error: Exception, reason: str) -> bool:
    """Whether the server's other files would fail in the same way."""
    return reason == _UNREACHABLE or isinstance(error, TooSlowError)
