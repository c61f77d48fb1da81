"""The pretrained weights that networks start from: computed once for a task and a seed, since no label changes them."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from overread.benchmark import task_features
from overread.benchmark.code_digest import code_digest
from overread.benchmark.task_features import Listener
from overread.benchmark.trainers import moco
from overread.config import TrainSettings
from overread.training.training_data import TrainingData

NONE, SIMCLR, MOCO, FEATURES = "none", "simclr", "moco", "features"
"""What a network starts from; a classifier on frozen features has nothing but these."""


@dataclass(frozen=True)
class Pretraining:
    """One way to pretrain."""

    weights: Callable[[TrainingData, TrainSettings, int, Listener], Mapping[str, Tensor]]
    module: str
    """Where its code is."""


def _simclr(data: TrainingData, settings: TrainSettings, seed: int, listener: Listener) -> Mapping[str, Tensor]:
    return task_features.simclr_network(data, settings, seed, listener).state_dict()


def _moco(data: TrainingData, settings: TrainSettings, seed: int, listener: Listener) -> Mapping[str, Tensor]:
    listener(f"MoCo, seed {seed}")
    return moco.moco_weights(data, settings, seed)


PRETRAININGS = {
    SIMCLR: Pretraining(_simclr, task_features.__name__),
    MOCO: Pretraining(_moco, moco.__name__),
}
"""By start."""


@dataclass(frozen=True)
class PretrainedWeights:
    """Those of one task's images."""

    name: str
    """The task's."""
    data: TrainingData
    pixels_digest: str
    """Of the images and of those that are trained on."""
    folder: Path
    listener: Listener

    def load(self, start: str, settings: TrainSettings, seed: int) -> dict[str, Tensor]:
        """From the folder where it has them, else computed and put there. start: one of PRETRAININGS."""
        said = {
            "start": start,
            "model": asdict(settings.model),
            "pretrain": asdict(settings.pretrain),
            "seed": seed,
            "pixels": self.pixels_digest,
            "code": code_digest(PRETRAININGS[start].module),
            "device": self.data.device.type,
        }
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
        path = self.folder / f"{self.name}-{start}-{digest}.safetensors"
        if not path.is_file():
            weights = PRETRAININGS[start].weights(self.data, settings, seed, self.listener)
            path.parent.mkdir(parents=True, exist_ok=True)
            being_made = path.with_suffix(".part")
            save_file({name: _plain(tensor) for name, tensor in weights.items()}, being_made)
            being_made.replace(path)
        return load_file(path, device=str(self.data.device))


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
