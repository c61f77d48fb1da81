"""The most memory that a piece of work takes."""

import resource
import sys
from contextlib import suppress
from pathlib import Path

import torch

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset_peak(device: torch.device) -> None:
    """Begin to watch. On a CPU only Linux can begin anew; elsewhere the peak is that of the whole process."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with suppress(OSError):
        _RESET.write_text("5")


def peak_mb(device: torch.device) -> int:
    """MB since `reset_peak`: of tensors on a GPU; on a CPU of the process, with all that it has loaded."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) // 10**6
    with suppress(OSError):
        lines = dict(line.split(":", 1) for line in _STATUS.read_text(encoding="utf-8").splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024 // 10**6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 10**6 if sys.platform == "darwin" else peak * 1024 // 10**6
