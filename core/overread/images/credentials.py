"""Credentials in URLs: removed before a URL is saved anywhere, and kept in the memory of this process only."""

import re
from urllib.parse import unquote

_SECRETS = ("sig", "auth", "authorization", "jwt", "pwd", "passwd", "keypairid", "subscriptionkey", "hdnea", "hdnts")
_SECRET_ENDS = ("token", "signature", "password", "secret", "apikey", "accesskey", "accesskeyid", "accessid")
_SECRET_STARTS = ("xamz", "xgoog", "xoss", "xcos")
"""Names of parameters, in small letters and without - and _: token, access_token, X-Amz-Security-Token ..."""
_BESIDE_SIGNATURE = (
    # CloudFront's, Google's and S3's older signatures.
    *("expires", "policy", "keyname", "urlprefix"),
    # Azure's shared access signatures ("Create a service SAS", "Create a user delegation SAS").
    *("sv", "ss", "srt", "sp", "se", "st", "spr", "sip", "sr", "si", "sdd", "ses", "saoid", "suoid", "scid"),
    *("skoid", "sktid", "skt", "ske", "sks", "skv"),
    # Tencent's.
    *("qsignalgorithm", "qak", "qsigntime", "qkeytime", "qheaderlist", "qurlparamlist"),
)
"""Parts of a signature that mean something else in other URLs."""
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^/?#]*@)?(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?P<rest>#.*)?",
    re.DOTALL,
)
_AZURE = ("az://", "abfs://", "abfss://", "wasb://", "wasbs://")
"""In these URLs a container precedes the @."""

_given: dict[str, str] = {}
"""By the URL of a file without credentials: the one with which it can be downloaded."""


def bare_url(url: str) -> str:
    """The URL without user name, password and signature; any other text unchanged."""
    parts = _URL.fullmatch(url)
    if parts is None:
        return url
    user = parts["user"] or ""
    if not (parts["scheme"].lower() in _AZURE and ":" not in user):
        user = ""
    query, rest = (_without_secrets(parts[name] or "") for name in ("query", "rest"))
    return f"{parts['scheme']}{user}{parts['path']}{query}{rest}"


def remember_credentials(place: str, url: str) -> None:
    """Use `url` to download the file at `place`, a URL without credentials, in this process."""
    _given[place] = url


def with_credentials(place: str) -> str:
    """The URL of a file as it was given to this process, with credentials if it had any."""
    return _given.get(place, place)


def _without_secrets(parameters: str) -> str:
    """parameters: with the ? or # before them, or nothing."""
    parts = parameters[1:].split("&")
    names = [_plain(part) for part in parts]
    is_signed = any(name == "sig" or name.endswith("signature") for name in names)
    public = [
        part
        for part, name in zip(parts, names, strict=True)
        if not (_is_secret(name) or (is_signed and _is_beside_signature(name)))
    ]
    if len(public) == len(parts):
        return parameters
    return parameters[0] + "&".join(public) if public else ""


def _plain(parameter: str) -> str:
    """The name of `name=value`, as the names above are written; empty where there is no value."""
    name, mark, _ = parameter.partition("=")
    return re.sub("[-_]", "", unquote(name).lower().removeprefix("amp;")) if mark else ""


def _is_secret(name: str) -> bool:
    return name in _SECRETS or name.endswith(_SECRET_ENDS) or name.startswith(_SECRET_STARTS)


def _is_beside_signature(name: str) -> bool:
    return name in _BESIDE_SIGNATURE or name.startswith("response")  # S3 takes response-... of signed requests alone
