"""Properties of a location on disk: whether it is temporary, writable or full."""

import os
import tempfile
from pathlib import Path

EPHEMERAL_VARIABLE = "OVERREAD_EPHEMERAL"
"""Set to 1, it allows a ledger in a temporary folder."""
_TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm", "/run")  # nosec B108 # looked for
_IN_MEMORY = ("tmpfs", "ramfs")
_FULL_BYTES = 1 << 18
"""The least space that SQLite needs: the index of its log is 32 KiB, and a save writes some pages of 4 KiB."""


def has_content(path: Path) -> bool:
    """Whether the file exists and is not empty."""
    try:
        return path.is_file() and path.stat().st_size > 0
    except OSError:
        return False


def ledger_mode(path: Path) -> int:
    """The permissions of a ledger's file: for the owner only, unless its folder is writable for a group."""
    return 0o660 if path.parent.stat().st_mode & 0o020 else 0o600


def is_temporary(folder: Path) -> bool:
    """Whether the folder is emptied at a restart, or by the system from time to time."""
    folder = folder.resolve()
    roots = [Path(root).resolve() for root in (tempfile.gettempdir(), *_TEMPORARY)]
    return any(folder.is_relative_to(root) for root in roots) or _filesystem(folder) in _IN_MEMORY


def is_writable(path: Path) -> bool:
    """Whether a file, existing or not, can be written, and others created beside it."""
    # Also for root: access(2) refuses on a file system that is mounted read-only.
    return os.access(path.parent, os.W_OK | os.X_OK) and (os.access(path, os.W_OK) or not path.exists())


def is_full(folder: Path) -> bool:
    """Whether the disk has too little space to save anything."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < _FULL_BYTES


def _filesystem(folder: Path) -> str:
    """The type of the file system of a folder; empty where the kernel does not say."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    found = (0, "")
    for line in lines:  # proc(5): id, parent, device, root, mount point, options ... - type, source, options
        before, _, after = line.partition(" - ")
        point = before.split(" ")[4].replace("\\040", " ")
        if folder.is_relative_to(point) and len(point) >= found[0]:  # the last mount at a place hides those before
            found = (len(point), after.split(" ")[0])
    return found[1]
