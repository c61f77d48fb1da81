"""The cells that name images: their one spelling, and what makes one unusable."""

import posixpath
import re
from urllib.parse import urlsplit

from overread.images.credentials import bare_url
from overread.images.remote import is_remote


def normal_path(image: str) -> str:
    """The one spelling of a cell that names an image: what its sample id is a hash of. POSIX; a URL without the
    credentials that it may hold."""
    name = image.strip()
    if not name or is_remote(name):
        return bare_url(name)
    return posixpath.normpath(name.replace("\\", "/"))


def path_fault(image: str) -> str:
    """Why a cell names no image below the source's root and none by a URL, or nothing."""
    path = normal_path(image)
    if not path:
        return "no image is named"
    if is_remote(path):
        return "" if _is_whole(path) else "the URL names no file"
    if path.startswith("/") or re.match(r"[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]+:/", path):
        return "the path is not relative to the source"
    if path == ".." or path.startswith("../"):
        return "the path leads out of the source"
    return ""


def _is_whole(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    # fsspec would open what stands behind :: by another protocol.
    return bool(parts.netloc and parts.path.strip("/")) and "::" not in url and not url.endswith("/")
