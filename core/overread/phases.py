"""The phases of a training and the stages at which it predicts the whole dataset, with their names in a run's files."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class PhaseKind(StrEnum):
    """What a stretch of epochs is for."""

    PRETRAIN = "pretrain"
    FOLD = "fold"
    """A network fine-tuned without one fold, which it then judges."""
    WARMUP = "warmup"
    ROUND = "round"
    """A round of the paper's refinement."""
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of epochs of one kind."""

    kind: PhaseKind
    num_epochs: int
    index: int = 0
    """Which of several folds or rounds."""
    cost: float = 1.0
    """Of one of its epochs, beside one of plain training."""

    @property
    def name(self) -> str:
        """As progress.jsonl has it: pretrain, fold 1, fold 2 ..., warmup, round 1 ..., final."""
        return f"{self.kind} {self.index + 1}" if self.kind in (PhaseKind.FOLD, PhaseKind.ROUND) else self.kind.value


class StageKind(StrEnum):
    """What predicted the whole set."""

    WARMUP = "warmup"
    ROUND = "round"
    FINAL = "final"
    NETWORKS = "networks"
    """The cross-fitted networks, each of the fold that it never saw."""
    SELF_TRAINING = "refinement"
    """An iteration of self-training on frozen features."""
    TOGETHER = "together"
    """Self-training and networks together: what scores.csv rests on."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A moment of a run at which every sample was predicted."""

    kind: StageKind
    index: int = 0
    """Which of several rounds or iterations."""
    epoch: int | None = None
    """The epoch of a round, or of the cross-fitted networks, after which it was, from 1."""

    def __str__(self) -> str:
        """As trace.npz has it: warmup, round 1 epoch 2, final, networks epoch 2, networks, refinement 0, together."""
        return self.part if self.epoch is None else f"{self.part} epoch {self.epoch}"

    @property
    def part(self) -> str:
        """The part of the run that it belongs to: of all stages of the first round, "round 1"."""
        # Rounds are counted from 1, self-training from its iteration 0, which is fitted to the given labels.
        match self.kind:
            case StageKind.ROUND:
                return f"round {self.index + 1}"
            case StageKind.SELF_TRAINING:
                return f"refinement {self.index}"
        return self.kind.value

    @classmethod
    def parse(cls, name: str) -> Self:
        """The stage of a name. Raises ValueError for one that no stage has."""
        word, *numbers = name.replace(" epoch ", " ").split(" ")
        kind = StageKind(word)
        stage = cls(kind)
        if kind is StageKind.ROUND and len(numbers) == 2:
            stage = cls(kind, int(numbers[0]) - 1, int(numbers[1]))
        elif kind is StageKind.NETWORKS and len(numbers) == 1:
            stage = cls(kind, epoch=int(numbers[0]))
        elif kind is StageKind.SELF_TRAINING and len(numbers) == 1:
            stage = cls(kind, int(numbers[0]))
        if str(stage) != name or (kind is StageKind.ROUND and stage.epoch is None):
            raise ValueError(f"{name!r} is no stage of a run")
        return stage
