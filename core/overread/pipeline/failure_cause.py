"""Why a training failed, as progress.jsonl records it: a word for each cause that its user can do something about."""

import errno
from enum import StrEnum

from overread.errors import MissingImagesError, UserError


class FailureCause(StrEnum):
    """What ended a training."""

    GPU_MEMORY = "gpu_memory"
    MEMORY = "memory"
    DISK_FULL = "disk_full"
    IMAGES = "images"
    """Some can no longer be read."""
    REFUSED = "refused"
    """A UserError, whose message says what to do."""
    UNKNOWN = "unknown"


_LACKS_MEMORY = ("can't allocate memory", "not enough memory", "cannot allocate memory")
"""What PyTorch's RuntimeError says where the CPU's memory ends."""


def failure_cause(error: BaseException) -> FailureCause:
    """The cause of what ended a training, wherever it was raised."""
    if type(error).__name__ == "OutOfMemoryError":  # PyTorch's, of a GPU; without importing it
        return FailureCause.GPU_MEMORY
    if isinstance(error, MissingImagesError):
        return FailureCause.IMAGES
    if isinstance(error, UserError):
        return FailureCause.REFUSED
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FailureCause.DISK_FULL
    is_allocation = isinstance(error, RuntimeError) and any(text in str(error).lower() for text in _LACKS_MEMORY)
    if isinstance(error, MemoryError) or is_allocation or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return FailureCause.MEMORY
    return FailureCause.UNKNOWN
