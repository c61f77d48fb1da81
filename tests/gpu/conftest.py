"""Tests of what runs on a GPU, at small size: `pytest -m gpu`. Skipped where there is no CUDA device.

`OVERREAD_GPU_STAND_IN=cpu pytest -m gpu` runs the same code with the CPU in the GPU's place.
"""

import os

import pytest
import torch


@pytest.fixture(autouse=True)
def cuda() -> torch.device:
    """The GPU, or what stands in for it."""
    device = torch.device(os.environ.get("OVERREAD_GPU_STAND_IN", "cuda"))
    if device.type == "cuda" and not torch.cuda.is_available():
        pytest.skip("this machine has no CUDA device")
    return device
