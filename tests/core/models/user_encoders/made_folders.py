"""Small folders of encoders on made weights, laid out as their authors publish them."""

import json

import numpy as np
import torch
from safetensors.torch import save_file

from overread.models.backbones import backbone_features

CPU = torch.device("cpu")
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}


def write_folder(folder, state, *, weights="model.safetensors", **files):
    """A folder of weights and JSON files, these by name without ending. Returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    if weights.endswith(".safetensors"):
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, folder / weights)
    else:
        torch.save(state, folder / weights)
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def pixels_of(size_px, channels=3, count=2):
    return np.random.default_rng(0).integers(0, 256, (count, size_px, size_px, channels), dtype=np.uint8)


def normalised(pixels, mean, std):
    """(N, H, W, C) uint8 as (N, C, H, W) float32, normalised channel by channel."""
    channels = [(pixels[..., c] / 255 - mean[c]) / std[c] for c in range(pixels.shape[-1])]
    return torch.from_numpy(np.stack(channels, axis=1)).float()


def features_of(opened, pixels):
    return backbone_features(pixels, opened.backbone, device=CPU, precision="fp32")
