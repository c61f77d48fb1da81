import sys

import numpy as np
import pytest
import torch

from overread.benchmark.peak_memory import peak_mb, reset_peak

CPU = torch.device("cpu")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak cannot begin anew")
def test_the_peak_is_of_what_happened_since_and_counts_what_is_gone():
    reset_peak(CPU)
    before = peak_mb(CPU)
    held = np.ones(25_000_000)  # 200 MB
    del held
    assert peak_mb(CPU) - before == pytest.approx(200, abs=20)
    reset_peak(CPU)
    assert peak_mb(CPU) - before < 50
