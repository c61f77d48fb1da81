"""The phases of a training and the stages at which it predicts the whole set, and how a run's files name both."""

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
    index: int | None = None
    """Which of several folds or rounds, from 0; None where there is one phase of this kind."""
    cost: float = 1.0
    """Of one of its epochs, beside one of plain training."""

    @property
    def name(self) -> str:
        """As progress.jsonl has it: pretrain, fold 1, fold 2 ..., warmup, round 1 ..., final."""
        return self.kind if self.index is None else f"{self.kind} {self.index + 1}"


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
    index: int | None = None
    """Which of several rounds or iterations, from 0."""
    epoch: int | None = None
    """The epoch of a round after which it was, from 1."""

    def __str__(self) -> str:
        """As trace.npz has it: warmup, round 1 epoch 2, final, networks, refinement 0, together."""
        return self.part if self.epoch is None else f"{self.part} epoch {self.epoch}"

    @property
    def part(self) -> str:
        """The part of the run that it belongs to: of all stages of the first round, "round 1"."""
        if self.index is None:
            return self.kind.value
        # Rounds are counted from 1, self-training from its iteration 0, which is fitted to the given labels.
        return f"{self.kind} {self.index + (self.kind is StageKind.ROUND)}"

    @classmethod
    def parse(cls, name: str) -> Self:
        """The stage of a name. Raises ValueError for one that no stage has."""
        word, *numbers = name.replace(" epoch ", " ").split(" ")
        kind = StageKind(word)
        stage = cls(kind)
        if kind is StageKind.ROUND and len(numbers) == 2:
            stage = cls(kind, int(numbers[0]) - 1, int(numbers[1]))
        elif kind is StageKind.SELF_TRAINING and len(numbers) == 1:
            stage = cls(kind, int(numbers[0]))
        if str(stage) != name or (stage.index is None) != (kind not in (StageKind.ROUND, StageKind.SELF_TRAINING)):
            raise ValueError(f"{name!r} is no stage of a run")
        return stage
