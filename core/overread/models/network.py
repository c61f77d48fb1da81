"""The network of a run: one encoder, SimCLR's projection head and the classifier on top of it."""

import torch
from torch import Tensor, nn

from overread.models.encoders import build_encoder


class Network(nn.Module):
    """Encoder (B, C, H, W) -> (B, D), projection head -> (B, P) and linear head -> (B, K).

    Images are float32 in [0, 1]; they are normalised here, so that the weights' file is all that a
    prediction needs.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        encoder: str,
        *,
        mean: Tensor,
        std: Tensor,
        num_classes: int,
        projection_size: int,
        has_small_stem: bool = False,
    ) -> None:
        """mean, std: (C,) of the dataset's pixels, in [0, 1]. encoder, has_small_stem: as for `build_encoder`."""
        super().__init__()
        self.register_buffer("mean", mean.view(1, -1, 1, 1))
        self.register_buffer("std", std.view(1, -1, 1, 1))
        self.encoder, self.num_features = build_encoder(encoder, len(mean), has_small_stem=has_small_stem)
        # Two layers, the hidden one as wide as the features (Chen et al. 2020, section 4.2).
        self.projection = nn.Sequential(
            nn.Linear(self.num_features, self.num_features),
            nn.ReLU(inplace=True),
            nn.Linear(self.num_features, projection_size),
        )
        self.head = nn.Linear(self.num_features, num_classes)

    def features(self, images: Tensor) -> Tensor:
        """(B, D), the encoder's output."""
        normalised = (images - self.mean) / self.std
        return self.encoder(normalised.contiguous(memory_format=torch.channels_last))

    def project(self, images: Tensor) -> Tensor:
        """(B, P), what the contrastive loss compares."""
        return self.projection(self.features(images))

    def forward(self, images: Tensor) -> Tensor:
        """(B, K) logits."""
        return self.head(self.features(images))
