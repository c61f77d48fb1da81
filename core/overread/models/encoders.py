"""Encoders: images in, one feature vector an image out."""

import torch
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions around a shortcut. Source: He et al. 2016, "Deep Residual Learning"."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class NarrowResNet(nn.Module):
    """A residual encoder for 64 px images on a few CPU cores: 16, 32, 64, 128, 256 channels.

    Input (B, C, H, W), output (B, 256). 16 channels at the full stem resolution keep most of its
    arithmetic where there are few pixels. With a small stem that resolution is the image's own.
    """

    num_features = 256

    def __init__(self, in_channels: int, *, has_small_stem: bool = False) -> None:
        super().__init__()
        stride = 1 if has_small_stem else 2
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, 16, 3, stride, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)
        )
        widths = (16, 32, 64, 128, 256)
        self.blocks = nn.Sequential(
            *(
                ResidualBlock(before, after, 1 if before == after else 2)
                for before, after in zip((16, *widths), widths, strict=False)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(self.stem(x)).mean(dim=(2, 3))


def build_encoder(name: str, in_channels: int, *, has_small_stem: bool = False) -> tuple[nn.Module, int]:
    """An encoder with fresh weights, and the width D of its features.

    name: one of `network_settings.ENCODERS`. has_small_stem: one 3 x 3 convolution of stride 1 and no pooling come
    first, so that a small image is not reduced before anything is seen in it (He et al. 2016, section 4.2).
    """
    if name == "narrow":
        return NarrowResNet(in_channels, has_small_stem=has_small_stem), NarrowResNet.num_features
    from torchvision import models

    encoder = models.get_model(name, weights=None)
    num_features = encoder.fc.in_features
    encoder.fc = nn.Identity()
    width = encoder.conv1.out_channels
    if has_small_stem:
        encoder.conv1 = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
        encoder.maxpool = nn.Identity()
    elif in_channels != 3:
        encoder.conv1 = nn.Conv2d(in_channels, width, 7, stride=2, padding=3, bias=False)
    return encoder, num_features
