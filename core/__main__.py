"""python -m core COMMAND."""

import os

# Before anything loads OpenMP. A training's threads wait for each other thousands of times an epoch; where they have
# to share a core with anything else (the app, a browser), spinning threads, or as many as there are cores, make it
# tens of times slower. Half of the cores cost it little on a quiet machine and leave the page its own.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault(
    "OMP_NUM_THREADS",
    str(max(1, (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1) // 2)),
)

from core.cli.main import main

main()
