"""`python -m core COMMAND`: Overread's commands from a clone, without installing it."""

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT / "core"), str(_ROOT / "app")]

from overread.cli.main import main

main()
