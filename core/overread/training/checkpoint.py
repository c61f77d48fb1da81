"""Checkpoints from which an interrupted training resumes: written after every epoch, completely or not at all."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from overread.files import atomic_writer, make_folder, report_damage
from overread.studies.run import CHECKPOINT_DAMAGED


@dataclass(frozen=True)
class Checkpoint:
    """The state after an epoch, as tensors and numbers only: it is read with `weights_only`."""

    phase: int
    """Index of the phase that is next, or under way."""
    epoch: int
    """Epochs of that phase that are done."""
    network: dict[str, Tensor]
    optimizer: dict[str, Any]
    arrays: dict[str, Tensor]
    """The trace so far; see `Trace.to_tensors`."""
    pretrained: dict[str, Tensor]
    """The network that every fold begins with; empty where there are no folds."""


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    make_folder(path.parent)
    with atomic_writer(path) as file:
        torch.save(vars(checkpoint), file)


def load_checkpoint(path: Path) -> Checkpoint | None:
    """The last whole checkpoint, on the CPU, or None if there is none. Raises StudyError if it is damaged."""
    if not path.is_file():
        return None
    with report_damage(path, CHECKPOINT_DAMAGED):
        return Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
