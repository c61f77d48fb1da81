"""Pixels that a device has no room for: read from the pixel cache and brought there a batch at a time."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

LARGEST_SHARE = 0.5
"""Of a GPU's free memory, for pixels; the rest is for the network and its batches."""


class StreamedPixels:
    """Stands for the tensor (N, C, size_px, size_px) uint8 where `TrainingData` takes one: it has its shape and device,
    and is indexed by dataset indices."""

    def __init__(self, cache: np.ndarray, *, size_px: int, device: torch.device) -> None:
        """cache: (N, H, W, C) uint8, H = W, such as a memory map; it is read whenever a batch is asked for."""
        self._cache, self._size_px = cache, size_px
        self.device = device
        self.shape = torch.Size((len(cache), cache.shape[3], size_px, size_px))

    def __len__(self) -> int:
        return len(self._cache)

    def __getitem__(self, index: Tensor) -> Tensor:
        """(B, C, size_px, size_px) uint8 on the device. index: (B,) int64."""
        places = index.cpu().numpy()
        order = np.argsort(places)  # a disk reads forwards faster
        batch = resized(self._cache[places[order]], self._size_px)[torch.from_numpy(np.argsort(order))]
        if self.device.type == "cuda":  # from pinned memory a copy goes on while the device computes
            batch = batch.pin_memory()
        return batch.to(self.device, non_blocking=True)


def fits_on(device: torch.device, *, num_bytes: int) -> bool:
    """Whether so many bytes of pixels can stay on the device. The CPU's memory is the system's to share out."""
    return num_bytes <= LARGEST_SHARE * free_bytes(device)


def free_bytes(device: torch.device) -> float:
    """Of a GPU's memory; of others without a bound."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else float("inf")


def resized(images: np.ndarray, size_px: int) -> Tensor:
    """(B, C, size_px, size_px) uint8, reduced with antialiasing where they are larger. images: (B, H, W, C) uint8."""
    batch = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2)
    if batch.shape[2] == size_px:
        return batch
    batch = F.interpolate(batch.float(), size=(size_px, size_px), mode="bilinear", antialias=True, align_corners=False)
    return batch.round_().clamp_(0, 255).to(torch.uint8)
