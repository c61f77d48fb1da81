"""The cells that name images: their one spelling, and what makes one unusable."""

import posixpath
import re


def normal_path(image: str) -> str:
    """The one POSIX spelling of a cell that names an image: what its sample id is a hash of."""
    return posixpath.normpath(image.strip().replace("\\", "/")) if image.strip() else ""


def path_fault(image: str) -> str:
    """Why a cell cannot name an image below the source's root, or nothing."""
    path = normal_path(image)
    if not path:
        return "no image is named"
    if path.startswith("/") or re.match(r"[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]+:/", path):
        return "the path is not relative to the source"
    if path == ".." or path.startswith("../"):
        return "the path leads out of the source"
    return ""
