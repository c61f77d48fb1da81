"""Cells that name images: their canonical form, and what makes one unusable."""

import posixpath
import re
from urllib.parse import urlsplit

from overread.images.credentials import bare_url
from overread.images.remote import is_remote


def normal_path(image: str) -> str:
    """The canonical form of a cell that names an image, of which its sample id is a hash: a POSIX path, or a URL
    without credentials."""
    name = image.strip()
    if not name or is_remote(name):
        return bare_url(name)
    return posixpath.normpath(name.replace("\\", "/"))


def path_fault(image: str) -> str:
    """Why a cell names neither an image below the source's root nor a URL; empty if it does."""
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
    # fsspec would open what follows :: by another protocol.
    return bool(parts.netloc and parts.path.strip("/")) and "::" not in url and not url.endswith("/")
