"""`python -m core COMMAND`: Overread's commands from a clone, without installing it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from overread.cli.main import main

main()
