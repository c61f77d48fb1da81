"""Finds the images in a source folder that an annotation tool refers to in its own way."""

import re
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote

from overread.sources.image_paths import path_fault

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_UPLOAD_MARK = re.compile(r"[0-9a-f]{8}-(?=.)")
"""What Label Studio puts before the name of an uploaded file."""


def find_below(root: Path, spelled: str) -> str:
    """The path from `root` (POSIX) of the image that a URL, a path on another machine or a relative path refers to.

    It is the longest end of the path that is a file below the root: for `/data/upload/1/1a2b3c4d-scan.png`
    `upload/1/1a2b3c4d-scan.png`, else `1/1a2b3c4d-scan.png`, else `1a2b3c4d-scan.png`, else `scan.png`. In
    `/data/local-files/?d=PATH` the path is PATH. If no end is a file, `spelled` itself.
    """
    for path in _readings(spelled):
        parts = [part for part in PurePosixPath(path).parts if part not in ("/", ".")]
        if ".." in parts:
            continue
        ends = [parts[start:] for start in range(len(parts))]
        if parts and (mark := _UPLOAD_MARK.match(parts[-1])):
            ends.append([parts[-1][mark.end() :]])
        for end in ends:
            if _is_file(root.joinpath(*end)):
                return "/".join(end)
    return spelled


def search_fault(found: str) -> str:
    """Why a result of `find_below` names no image (a path on another machine that was not found); empty if it does."""
    return "no file below the source has this path, or an end of it" if path_fault(found) and found.strip() else ""


def _readings(spelled: str) -> list[str]:
    """The paths that may be meant: as written, and with %20 and the like decoded."""
    text = spelled.strip().replace("\\", "/")
    if "/local-files/?" in text:
        return parse_qs(text.partition("?")[2]).get("d", [])[:1]
    if scheme := _SCHEME.match(text):
        text = text[scheme.end() :].partition("?")[0]
    return list(dict.fromkeys((text, unquote(text))))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long for the file system, or with a NUL
        return False
