"""Tests of what runs on a GPU, at small size: `pytest -m gpu`. Skipped where there is no CUDA device."""

import pytest
import torch


@pytest.fixture(autouse=True)
def cuda() -> torch.device:
    """The GPU."""
    if not torch.cuda.is_available():
        pytest.skip("this machine has no CUDA device")
    return torch.device("cuda")
