"""The folder in which studies are created by default."""

import os
from pathlib import Path

HOME_VARIABLE = "OVERREAD_HOME"


def home_folder() -> Path:
    """The folder that the environment variable OVERREAD_HOME names, else `data` in the working folder; absolute."""
    return Path(os.environ.get(HOME_VARIABLE) or "data").expanduser().resolve()
