"""Takes credentials out of what a source says, before anything of it is stored, shown or exported.

User names, passwords and signatures stand in URLs: `https://user:pass@host/a.png`, `?X-Amz-Signature=...`. The import
that reads such a URL uses it as it is written; what comes later takes its credentials from the environment.
"""

import re
from dataclasses import replace
from urllib.parse import unquote

from core.datasets.paths import normal_path
from core.images.location import cut_frame
from core.images.remote import is_web
from core.records import Source, SourceRow

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
"""What belongs to a signature, and stands elsewhere for something else."""
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^/?#]*@)?(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?P<rest>#.*)?",
    re.DOTALL,
)
_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>\\]+")
_AZURE = ("az://", "abfs://", "abfss://", "wasb://", "wasbs://")
"""Before the @ of these stands a container."""


def bare_url(url: str) -> str:
    """The URL without user name, password and signature, else as it is; what is no URL too."""
    parts = _URL.fullmatch(url)
    if parts is None:
        return url
    user = parts["user"] or ""
    if not (parts["scheme"].lower() in _AZURE and ":" not in user):
        user = ""
    query, rest = (_without_secrets(parts[name] or "") for name in ("query", "rest"))
    return f"{parts['scheme']}{user}{parts['path']}{query}{rest}"


def without_credentials(source: Source) -> Source:
    """The source with every URL in its cells bare; `signed` has those of images as they are written.

    An image's URL is bare in all that follows from it: its sample id is that of the URL without credentials.
    """
    place = source.columns.index(source.image_column)
    rows: list[SourceRow] = []
    cells: list[tuple[str, ...]] = []
    signed: dict[str, str] = {}
    num_changed = 0
    for row, own in zip(source.rows, source.cells, strict=True):
        image = _bare_image(row.image)
        bare = tuple(_bare_image(cell) if i == place else _bare_text(cell) for i, cell in enumerate(own))
        if image != row.image and is_web(normal_path(image)):
            signed.setdefault(cut_frame(normal_path(image))[0], cut_frame(normal_path(row.image))[0])
        is_changed = image != row.image or bare != own
        num_changed += is_changed
        rows.append(replace(row, image=image) if is_changed else row)
        cells.append(bare if is_changed else own)
    if not num_changed:
        return source
    message = (
        f"{num_changed} rows have credentials in URLs (user names, passwords, signatures): they are used now and not "
        "stored; the app and later imports need those of the environment"
    )
    return replace(
        source,
        rows=tuple(rows),
        cells=tuple(cells),
        signed=source.signed | signed,
        messages=(*source.messages, message),
    )


def _bare_text(text: str) -> str:
    return _IN_TEXT.sub(lambda found: bare_url(found[0]), text) if "://" in text else text


def _bare_image(cell: str) -> str:
    """Of a cell that is one URL, which may hold spaces."""
    if "://" not in cell:
        return cell
    text = _bare_text(cell)
    start = len(text) - len(text.lstrip())
    return text[:start] + bare_url(text[start:])


def _without_secrets(parameters: str) -> str:
    """parameters: with the ? or # before them, or nothing."""
    parts = parameters[1:].split("&")
    names = [_plain(part) for part in parts]
    is_signed = any(name == "sig" or name.endswith("signature") for name in names)
    kept = [
        part
        for part, name in zip(parts, names, strict=True)
        if not (_is_secret(name) or (is_signed and name in _BESIDE_SIGNATURE))
    ]
    if len(kept) == len(parts):
        return parameters
    return parameters[0] + "&".join(kept) if kept else ""


def _plain(parameter: str) -> str:
    """The name of `name=value`, as the names above are written; empty where there is no value."""
    name, mark, _ = parameter.partition("=")
    return re.sub("[-_]", "", unquote(name).lower().removeprefix("amp;")) if mark else ""


def _is_secret(name: str) -> bool:
    return name in _SECRETS or name.endswith(_SECRET_ENDS) or name.startswith(_SECRET_STARTS)
