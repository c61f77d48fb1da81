"""The version of Overread and the commit that it was built from."""

import subprocess
from functools import cache
from pathlib import Path

__version__ = "0.2.0"

_PACKAGE = Path(__file__).parent


@cache
def full_version() -> str:
    """The version and, where it is known, the commit: 0.2.0+g1a2b3c4d5e6f, with .dirty where files were changed since.

    A wheel carries its commit in the file `commit.txt`; in a clone git tells it.
    """
    file, clone = _PACKAGE / "commit.txt", _PACKAGE.parents[1]
    commit = ""
    if file.is_file():
        commit = file.read_text(encoding="utf-8").strip()
    elif (clone / ".git").exists():
        command = ("git", "describe", "--always", "--exclude=*", "--abbrev=12", "--dirty=.dirty")
        try:
            commit = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):  # no git here, or a clone that is another user's
            commit = ""
    return f"{__version__}+g{commit}" if commit else __version__
