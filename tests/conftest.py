"""What holds for every test."""

import os

# Before torch is imported, here and in the processes that tests start: its threads sleep while they wait for each
# other. On tensors as small as a test's, threads that spin instead slow a busy machine down many times.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
