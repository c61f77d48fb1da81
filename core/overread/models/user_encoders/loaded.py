"""What a loader of encoders gives: the network, the input it was made for, and what its output is."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from overread.errors import ConfigError
from overread.models.backbones import Backbone
from overread.models.user_encoders.preprocessor import Preprocessor


@dataclass(frozen=True)
class LoadedEncoder:
    """An encoder with its weights, ready for `backbone_features`."""

    backbone: Backbone
    name: str
    """Of the model or its architecture; no file is named."""
    feature: str
    """What the vector of an image is, such as "class token"."""
    preprocessor: Preprocessor
    files: tuple[Path, ...]
    """Those that the encoder was made from: the weights, then what describes them."""

    def identity(self) -> dict[str, Any]:
        """What a run's config.json records: two encoders with the same identity give the same features."""
        return {
            "kind": "encoder",
            "encoder": self.name,
            "feature": self.feature,
            "input": self.preprocessor.to_dict(),
            "sha256": _digest(self.files),
            "num_features": self.backbone.num_features,
        }

    def __str__(self) -> str:
        return f"{self.name}: {self.backbone.num_features} numbers per image ({self.feature}); {self.preprocessor}"


def make_loaded(
    module: nn.Module,
    preprocessor: Preprocessor,
    *,
    name: str,
    feature: str,
    files: Sequence[Path],
    notes: tuple[str, ...] = (),
) -> LoadedEncoder:
    """From a network that takes (B, C, size_px, size_px) and gives (B, D).

    It is put in eval mode and tried on a black image. Raises ConfigError if it cannot take one, or gives no vector.
    """
    module.eval().requires_grad_(False)
    size_px = preprocessor.size_px
    try:
        with torch.inference_mode():
            vectors = module(torch.zeros(1, len(preprocessor.mean), size_px, size_px))
    except Exception as error:  # a network that does not fit its description fails anywhere, with anything
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise ConfigError(
            f"--encoder: {name} cannot take an image of {len(preprocessor.mean)} x {size_px} x {size_px}: {reason}"
        ) from error
    if not isinstance(vectors, Tensor) or vectors.ndim != 2 or len(vectors) != 1:
        raise ConfigError(f"--encoder: {name} does not give one vector per image")
    backbone = Backbone(
        module,
        num_features=vectors.shape[1],
        size_px=size_px,
        resize_px=preprocessor.resize_px,
        mean=preprocessor.mean,
        std=preprocessor.std,
        interpolation=preprocessor.interpolation,
        notes=notes,
    )
    return LoadedEncoder(backbone, name, feature, preprocessor, tuple(files))


def _digest(paths: Sequence[Path]) -> str:
    """SHA-256 of the files, one after the other: of a single file, what sha256sum says."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    return digest.hexdigest()
