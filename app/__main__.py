"""`python -m app [STUDY ...]`: Overread's review app from a clone, without installing it."""

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT / "app"), str(_ROOT / "core")]

from overread_app.start import main

sys.exit(main())
