"""Augmentations of a whole batch at once, on the device the batch is on.

Images are (B, C, H, W) float32 in [0, 1], C 1 or 3; each image draws its own parameters from the
generator that is passed in, which must be on the CPU (so a seed means the same on every device).
"""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

_GREY_WEIGHTS = (0.299, 0.587, 0.114)  # ITU-R BT.601 luma


def simclr_view(images: Tensor, generator: Generator, *, flip: bool = False) -> Tensor:
    """One augmented view: random resized crop, colour jitter, random grey, Gaussian blur.

    Source: Chen et al. 2020, appendix A, at half the colour strength, as is usual for small images.
    """
    images = random_resized_crop(images, generator, min_scale=0.2, flip=flip)
    images = color_jitter(images, generator, probability=0.8, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
    images = random_grayscale(images, generator, probability=0.2)
    return gaussian_blur(images, generator, probability=0.5)


def strong_augment(images: Tensor, generator: Generator) -> Tensor:
    """For pseudo-labelled samples, those that reached consensus: hard to memorise."""
    images = random_resized_crop(images, generator, min_scale=0.4, flip=False)
    images = color_jitter(images, generator, probability=0.8, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
    return gaussian_blur(images, generator, probability=0.5)


def weak_augment(images: Tensor, generator: Generator) -> Tensor:
    """For the other samples: a little cropping and shifting."""
    return random_resized_crop(images, generator, min_scale=0.8, flip=False)


def random_resized_crop(images: Tensor, generator: Generator, *, min_scale: float, flip: bool) -> Tensor:
    """A random part of each image, of `min_scale` to 1 of its area and an aspect ratio of 3/4 to 4/3,
    resized to the whole (bilinear)."""
    uniform = torch.rand(5, len(images), generator=generator)
    area = min_scale + (1 - min_scale) * uniform[0]
    ratio = torch.exp((2 * uniform[1] - 1) * math.log(4 / 3))
    width = (area * ratio).sqrt().clamp(max=1)
    height = (area / ratio).sqrt().clamp(max=1)
    mirror = torch.where(uniform[4] < 0.5, -1.0, 1.0) if flip else 1.0
    transform = torch.zeros(len(images), 2, 3)
    transform[:, 0, 0] = width * mirror
    transform[:, 0, 2] = (2 * uniform[2] - 1) * (1 - width)
    transform[:, 1, 1] = height
    transform[:, 1, 2] = (2 * uniform[3] - 1) * (1 - height)
    grid = F.affine_grid(_on_device(transform, images), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def color_jitter(
    images: Tensor,
    generator: Generator,
    *,
    probability: float,
    brightness: float,
    contrast: float,
    saturation: float,
    hue: float,
) -> Tensor:
    """Brightness, contrast and, in colour, saturation and hue; each factor is drawn from 1 - x to 1 + x
    (hue: a turn of -x to x of the colour circle around the grey axis). Results are clipped to [0, 1]."""
    uniform = torch.rand(5, len(images), generator=generator)
    is_applied = uniform[4] < probability

    def factor(row: int, strength: float) -> Tensor:
        values = torch.where(is_applied, 1 + (2 * uniform[row] - 1) * strength, 1.0)
        return values[:, None, None, None]

    images = images * _on_device(factor(0, brightness), images)
    mean = _to_grey(images).mean(dim=(2, 3), keepdim=True)
    images = (images - mean) * _on_device(factor(1, contrast), images) + mean
    if images.shape[1] == 3:
        matrix = _colour_matrix(factor(2, saturation).flatten(), (factor(3, hue).flatten() - 1) * 2 * math.pi)
        images = (_on_device(matrix, images) @ images.flatten(2)).view_as(images)
    return images.clamp(0, 1)


def random_grayscale(images: Tensor, generator: Generator, *, probability: float) -> Tensor:
    """Some images without their colour, in as many channels as before."""
    is_applied = torch.rand(len(images), generator=generator) < probability
    if images.shape[1] == 1:
        return images
    return torch.where(_on_device(is_applied, images)[:, None, None, None], _to_grey(images), images)


def gaussian_blur(images: Tensor, generator: Generator, *, probability: float) -> Tensor:
    """Some images blurred, with a standard deviation of 0.1 to 2 px at 224 px, in proportion at other sizes;
    the kernel spans a tenth of the image."""
    num_images, num_channels, height, _ = images.shape
    uniform = torch.rand(2, num_images, generator=generator)
    chosen = (uniform[0] < probability).nonzero().squeeze(1)
    if not len(chosen):
        return images
    radius = max(1, round(height / 20))
    # The lower bound keeps the kernel of a small image finite: below it the blur is none at all.
    sigma = ((0.1 + 1.9 * uniform[1, chosen]) * height / 224).clamp_min(0.05)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float32)
    kernels = torch.exp(-(offsets**2) / (2 * sigma[:, None] ** 2))
    kernels = (kernels / kernels.sum(dim=1, keepdim=True)).repeat_interleave(num_channels, dim=0)
    kernels, chosen = _on_device(kernels, images), _on_device(chosen, images)
    # One group per image and channel, since each image has a kernel of its own.
    stack = images[chosen].reshape(1, -1, *images.shape[2:])
    stack = F.pad(stack, (radius, radius, radius, radius), mode="reflect")
    stack = F.conv2d(stack, kernels[:, None, None, :], groups=len(kernels))
    stack = F.conv2d(stack, kernels[:, None, :, None], groups=len(kernels))
    return images.index_copy(0, chosen, stack.view(len(chosen), *images.shape[1:]))


def _on_device(values: Tensor, images: Tensor) -> Tensor:
    """Where the images are; a GPU is not waited for."""
    return values.to(images.device, non_blocking=True)


def _to_grey(images: Tensor) -> Tensor:
    if images.shape[1] == 1:
        return images
    weights = _on_device(torch.tensor(_GREY_WEIGHTS), images)
    return (images * weights[None, :, None, None]).sum(dim=1, keepdim=True)


def _colour_matrix(saturation: Tensor, angle: Tensor) -> Tensor:
    """(B, 3, 3): turn the colours around the grey axis by `angle` (B,), then scale their distance from it."""
    grey = torch.tensor(_GREY_WEIGHTS).expand(3, 3)
    axis = 1 / math.sqrt(3)
    cross = torch.tensor([[0.0, -axis, axis], [axis, 0.0, -axis], [-axis, axis, 0.0]])
    identity = torch.eye(3)
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    turn = cos * identity + (1 - cos) / 3 + sin * cross
    saturation = saturation[:, None, None]
    return (saturation * identity + (1 - saturation) * grey) @ turn
