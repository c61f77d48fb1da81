"""The folder in which studies are created by default, and the one for what can be made again."""

import os
from pathlib import Path

HOME_VARIABLE = "OVERREAD_HOME"
CACHE_VARIABLE = "OVERREAD_CACHE"


def home_folder() -> Path:
    """The folder that the environment variable OVERREAD_HOME names, else `data` in the working folder; absolute."""
    return Path(os.environ.get(HOME_VARIABLE) or "data").expanduser().resolve()


def cache_folder() -> Path:
    """The user's folder for what costs only time when it is deleted: the one that the environment variable
    OVERREAD_CACHE names, else `overread` in XDG_CACHE_HOME, else in ~/.cache; absolute."""
    named = os.environ.get(CACHE_VARIABLE)
    folder = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "overread"
    return folder.expanduser().resolve()
