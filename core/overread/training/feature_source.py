"""Features from elsewhere instead of SimCLR's: from a file of them, from an encoder in a file or folder, or from one
that is installed as a package.

A file or encoder that the user named and that cannot be used ends the run before it begins; there is no falling back
to SimCLR. The package's encoder is what a preset asks for: where it is not installed, SimCLR's features stand in.
"""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from overread.errors import ConfigError
from overread.files import make_folder, report_damage, write_atomically
from overread.models.backbones import IMAGENET_BACKBONE, Backbone, backbone_features, imagenet_weights, load_backbone
from overread.models.imagenet import STAGES, imagenet_backbone
from overread.models.openvino_network import OpenVinoNetwork
from overread.models.user_encoders.open_encoder import open_encoder
from overread.studies.embeddings import read_embeddings
from overread.studies.run import CHECKPOINT_DAMAGED


@dataclass(frozen=True)
class FeatureSource:
    """Where a run's features come from, opened and checked."""

    identity: dict[str, Any]
    """What config.json records: kind (embeddings, encoder or backbone), sha256 of the file, num_features; of a backbone
    its name and its stages (all, or absent: the last layer alone); of an encoder what it is, what its vector is, and
    how images are brought to its input."""
    notes: tuple[str, ...]
    origin: np.ndarray | Backbone
    """The features (N, D) float32 themselves, or what computes them."""

    @property
    def runtime(self) -> str:
        """What computes them, as config.json has it: openvino, torch, or nothing where they came with a file."""
        if not isinstance(self.origin, Backbone):
            return ""
        return "openvino" if isinstance(self.origin.module, OpenVinoNetwork) else "torch"

    def compute(
        self,
        pixels: np.ndarray,
        *,
        device: torch.device,
        precision: str,
        on_progress: Callable[[float], None] | None = None,
    ) -> np.ndarray:
        """(N, D) float32. pixels: (N, H, W, C) uint8, the samples in the order of samples.csv."""
        if isinstance(self.origin, Backbone):
            return backbone_features(pixels, self.origin, device=device, precision=precision, on_progress=on_progress)
        return self.origin


def open_features(
    samples: pd.DataFrame, *, embeddings: Path | None, encoder: Path | None, backbone: str | None, cache_size_px: int
) -> FeatureSource | None:
    """The source of features that a command names; None where it names none, and SimCLR's are meant.

    samples: samples.csv. cache_size_px: side of the images in the pixel cache, from which an encoder computes.
    Raises ConfigError for flags that don't go together, and for what `read_embeddings`, `open_encoder` and
    `load_backbone` refuse.
    """
    if embeddings and (encoder or backbone):
        raise ConfigError("--embeddings: already provides the features; leave out --encoder and --backbone")
    if embeddings:
        found = read_embeddings(embeddings, samples)
        return FeatureSource(
            {"kind": "embeddings", "sha256": _digest(embeddings), "num_features": found.features.shape[1]},
            found.notes,
            found.features,
        )
    if backbone and not encoder:
        raise ConfigError(f"--backbone {backbone}: needs --encoder FILE, its weights; nothing is downloaded")
    if not encoder:
        return None
    if backbone:
        return _of_backbone(backbone, encoder, cache_size_px)
    opened = open_encoder(encoder)
    notes = (str(opened), *_size_notes(opened.backbone, cache_size_px))
    return FeatureSource(opened.identity(), notes, opened.backbone)


def imagenet_features(device: torch.device) -> FeatureSource | None:
    """Those of all stages of an encoder trained on ImageNet; None where its package is not installed. Nobody chose it,
    so there are no notes of how it fits."""
    weights = imagenet_weights()
    if weights is None:
        return None
    digest = _digest(weights)
    backbone = imagenet_backbone(weights, digest, device)
    identity = {"kind": "backbone", "backbone": IMAGENET_BACKBONE, "stages": STAGES, "sha256": digest}
    return FeatureSource(identity | {"num_features": backbone.num_features}, (), backbone)


def _of_backbone(name: str, weights: Path, cache_size_px: int) -> FeatureSource:
    loaded = load_backbone(name, weights)
    identity = {"kind": "backbone", "backbone": name, "sha256": _digest(weights)}
    notes = _size_notes(loaded, cache_size_px)
    return FeatureSource(identity | {"num_features": loaded.num_features}, notes, loaded)


def _size_notes(loaded: Backbone, cache_size_px: int) -> tuple[str, ...]:
    expected = loaded.resize_px or loaded.size_px
    if cache_size_px >= expected:
        return loaded.notes
    return (
        *loaded.notes,
        f"the cached images are {cache_size_px} px and the encoder expects {expected} px: enlarged; import again with "
        f"--image-size {expected} for sharper features",
    )


def save_features(path: Path, features: np.ndarray) -> None:
    """Keep a run's features for its resuming. features: (N, D) float32."""
    buffer = io.BytesIO()
    np.save(buffer, features)
    make_folder(path.parent)
    write_atomically(path, buffer.getvalue())


def load_features(path: Path) -> np.ndarray | None:
    """What `save_features` kept, or None if there is nothing. Raises StudyError if it is damaged."""
    if not path.is_file():
        return None
    with report_damage(path, CHECKPOINT_DAMAGED):
        return np.load(path, allow_pickle=False)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
