import pytest
import torch

from overread.errors import ConfigError
from overread.training.device import choose_device, told_if_out_of_memory


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_there_is_refused():
    assert choose_device("auto").type == choose_device("cpu").type == "cpu"
    with pytest.raises(ConfigError, match="--device cuda: this machine has no CUDA device"):
        choose_device("cuda")


def test_an_unknown_device_is_refused():
    with pytest.raises(ConfigError, match="'tpu' is not one of auto, cpu, cuda"):
        choose_device("tpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_does_not_compute_is_not_taken(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cpu"
    with pytest.raises(ConfigError, match="--device cuda: this machine's GPU does not run this PyTorch, built for"):
        choose_device("cuda")


def test_where_the_gpus_memory_ends_it_is_said_what_to_do():
    with pytest.raises(ConfigError, match="too small for this training"), told_if_out_of_memory():
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
