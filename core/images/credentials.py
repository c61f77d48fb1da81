"""Credentials in URLs: taken out before a URL is kept anywhere, and known to the process that found them alone."""

import re
from urllib.parse import parse_qsl, urlencode, urlsplit

_SIGNATURES = ("signature", "x-amz-signature", "x-goog-signature", "sig")
_SECRET = re.compile(
    r"x-(amz|goog)-.*|signature|sig|awsaccesskeyid|googleaccessid|token|access_token|auth|authorization|api_?key|"
    r"password|passwd|secret",
    re.IGNORECASE,
)
_BESIDE_A_SIGNATURE = re.compile(r"expires|policy|key-pair-id|s[a-z]{1,3}|response-.*", re.IGNORECASE)
"""What storages sign together with the rest; of S3, CloudFront and Azure's SAS."""

_given: dict[str, str] = {}


def without_credentials(url: str) -> str:
    """The URL without a user, a password, a signature or a token; any other text as it is."""
    try:
        parts = urlsplit(url)
        if not parts.scheme or not parts.netloc:
            return url
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return url
    is_signed = any(name.lower() in _SIGNATURES for name, _ in query)
    kept = [
        (name, value)
        for name, value in query
        if not (_SECRET.fullmatch(name) or (is_signed and _BESIDE_A_SIGNATURE.fullmatch(name)))
    ]
    _, mark, host = parts.netloc.rpartition("@")
    if len(kept) == len(query) and not mark:
        return url
    written = parts.query if len(kept) == len(query) else urlencode(kept)
    return parts._replace(netloc=host, query=written).geturl()


def remember_credentials(url: str) -> str:
    """The URL without its credentials; this process, and nothing on any disk, knows what they were."""
    bare = without_credentials(url)
    if bare != url:
        _given[bare] = url
    return bare


def with_credentials(url: str) -> str:
    """The URL as it was given to this process, with its credentials if it had any."""
    return _given.get(url, url)
