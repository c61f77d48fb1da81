"""python -m core COMMAND."""

import os

# Before anything loads OpenMP: training threads sleep while they wait for each other. On a machine that does
# anything else (the app, a browser) threads that spin instead make a training many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from core.cli import main

main()
