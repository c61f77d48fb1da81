"""The device of a training: the CPU or a GPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from overread.errors import ConfigError


def choose_device(name: str) -> torch.device:
    """auto takes a GPU where there is one that works. There convolutions are made deterministic, for the whole process:
    the same seed shall give the same run. Raises ConfigError for cuda without such a GPU."""
    if name not in ("auto", "cpu", "cuda"):
        raise ConfigError(f"--device: {name!r} is not one of auto, cpu, cuda")
    if name == "cpu":
        return torch.device("cpu")
    lack = _gpu_lack()
    if lack and name == "cuda":
        raise ConfigError(f"--device cuda: {lack}; use --device cpu or auto")
    torch.backends.cudnn.deterministic = True
    return torch.device("cpu" if lack else "cuda")


def _gpu_lack() -> str:
    """Why there is no GPU to compute on; empty where there is one."""
    if not torch.cuda.is_available():
        return "this machine has no CUDA device"
    try:
        torch.zeros(1, device="cuda").add(1).item()
    except RuntimeError:  # too old, or its driver is, for the kernels in this build
        return f"this machine's GPU does not run this PyTorch, built for CUDA {torch.version.cuda}"
    return ""


def has_bf16_units(device: torch.device) -> bool:
    """Whether the device computes in bf16; one without units for it does so many times slower than in fp32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported()


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """bf16 where the settings ask for it; on a CPU and on a GPU alike."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


@contextmanager
def told_if_out_of_memory() -> Iterator[None]:
    """Raises ConfigError, which says what to do, where the GPU's memory ends."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ConfigError(
            "the GPU's memory is too small for this training; make its batches smaller (--set pretrain.batch_size=64), "
            "or its images (--set model.image_size_px=112), or train with --device cpu"
        ) from error
