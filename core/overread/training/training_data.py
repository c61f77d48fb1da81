"""The training set: every image as uint8, on the device or streamed to it; every label as an index."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from overread.errors import ConfigError
from overread.training.streamed_pixels import StreamedPixels, fits_on, resized


@dataclass(frozen=True)
class TrainingData:
    """A sample's position in these arrays is its dataset index: the row order of samples.csv."""

    pixels: Tensor | StreamedPixels
    """(N, C, H, W) uint8 on the device, or what brings batches of them there."""
    given: np.ndarray
    """(N,) int64 class indices."""
    is_trained: np.ndarray
    """(N,) bool: all but the samples of split `test`, which are only predicted."""
    num_classes: int

    def __post_init__(self) -> None:
        trained = np.unique(self.given[self.is_trained])
        if len(trained) < 2:
            raise ConfigError("the samples to train on are all of one class; at least two classes are needed")

    @property
    def device(self) -> torch.device:
        return self.pixels.device

    def images(self, index: Tensor) -> Tensor:
        """(B, C, H, W) float32 in [0, 1] of the samples at `index` (B,) int64."""
        return self.pixels[index.to(self.device, non_blocking=True)].float().div_(255)

    def epoch_batches(self, batch_size: int, generator: Generator) -> Iterator[Tensor]:
        """The dataset indices to train on, shuffled, in batches of nearly equal length at most batch_size
        long: no last batch so short that batch normalisation fails on it."""
        trained = torch.from_numpy(np.flatnonzero(self.is_trained))
        shuffled = trained[torch.randperm(len(trained), generator=generator)]
        yield from shuffled.tensor_split(-(-len(shuffled) // batch_size))

    def batches(self, batch_size: int, places: np.ndarray | None = None) -> Iterator[Tensor]:
        """Dataset indices, in order: every one, or those at `places` (M,) int64."""
        yield from torch.split(
            torch.arange(len(self.given)) if places is None else torch.from_numpy(places), batch_size
        )


def load_pixels(cache: np.ndarray, *, size_px: int, device: torch.device) -> Tensor | StreamedPixels:
    """The pixel cache on the device, each image reduced, with antialiasing, where it is larger; where the device has
    too little memory for it, the same images streamed.

    cache: (N, H, W, C) uint8, H = W. Returns (N, C, size_px, size_px) uint8.
    """
    shape = (len(cache), cache.shape[3], size_px, size_px)
    if not fits_on(device, num_bytes=math.prod(shape)):
        return StreamedPixels(cache, size_px=size_px, device=device)
    # Filled a piece at a time: pieces that are joined at the end take the memory twice.
    pixels = torch.empty(shape, dtype=torch.uint8, device=device, memory_format=torch.channels_last)
    for start in range(0, len(cache), 256):
        pixels[start : start + 256] = resized(cache[start : start + 256], size_px)
    return pixels


def pixel_statistics(data: TrainingData) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (C,) of the pixels to train on, in [0, 1]."""
    trained = torch.from_numpy(np.flatnonzero(data.is_trained))
    chosen = trained[:: -(-len(trained) // 2048)]
    images = data.images(chosen)
    return images.mean(dim=(0, 2, 3)), images.std(dim=(0, 2, 3)).clamp_min(1e-3)
