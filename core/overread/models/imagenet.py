"""The default encoder: EfficientNet-lite0, trained on ImageNet, read at every stage.

Early stages see texture and edges, late ones objects: judged by all of them, wrong labels are found better than by the
last layer alone (core/docs/results/experiments.md). Its larger siblings find no more (core/docs/results/encoders.md).
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from overread.models.backbones import IMAGENET_BACKBONE, Backbone, load_backbone
from overread.models.openvino_network import has_openvino, load_compiled

STAGES = "all"
"""What config.json says of the layers that the features are the outputs of."""


class PooledStages(nn.Module):
    """The mean over the image of the outputs of each stage, then of the last layer, side by side.

    Shape: (B, 3, S, S) float32 -> (B, D), D the sum of the widths; of EfficientNet-lite0 784 + 1,280.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder: Any = encoder
        """An EfficientNet as timm builds it."""

    def forward(self, images: Tensor) -> Tensor:
        encoder = self.encoder
        maps = encoder.bn1(encoder.conv_stem(images))
        pooled = []
        for stage in encoder.blocks:
            maps = stage(maps)
            pooled.append(maps.mean(dim=(2, 3)))
        last = encoder.bn2(encoder.conv_head(maps))
        return torch.cat([*pooled, last.mean(dim=(2, 3))], dim=1)


def imagenet_backbone(weights: Path, digest: str, device: torch.device, *, name: str = IMAGENET_BACKBONE) -> Backbone:
    """The encoder with the weights of a file, from `imagenet_weights`. digest: of that file. name: of an EfficientNet,
    as timm has it.

    On a CPU it is run by OpenVINO where that is installed: in a quarter to a third of PyTorch's time, with the same
    features (cosine 1.0000).
    """
    if device.type != "cpu" or not has_openvino():
        return _by_torch(name, weights)
    return load_compiled(f"{name}-{STAGES}-{digest[:16]}", lambda: _by_torch(name, weights))


def _by_torch(name: str, weights: Path) -> Backbone:
    loaded = load_backbone(name, weights)
    module = PooledStages(loaded.module).eval().requires_grad_(False)
    with torch.inference_mode():
        num_features = module(torch.zeros(1, 3, loaded.size_px, loaded.size_px)).shape[1]
    return replace(loaded, module=module, num_features=num_features)
