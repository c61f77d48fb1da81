"""The phases of a training and the stages at which it predicts the whole dataset, with their names in a run's files."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from overread.config import TrainSettings

PRETRAIN_COST = 2.3
"""Two views, and the augmentations, beside one image."""


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


def plan_phases(settings: TrainSettings, num_folds: int = 0, *, has_features: bool = False) -> tuple[Phase, ...]:
    """Pretraining, the folds, the warm-up, the rounds and the final phase; those without epochs are left out, as is
    what nothing comes of: a warm-up without rounds, and a pretraining whose network is neither trained further nor
    gives the features. has_features: they come from elsewhere."""
    rounds = settings.rounds
    is_pretrained = bool(num_folds or rounds.num_epochs or not has_features)
    phases = [
        Phase(PhaseKind.PRETRAIN, settings.pretrain.num_epochs if is_pretrained else 0, cost=PRETRAIN_COST),
        *(
            Phase(PhaseKind.FOLD, settings.cross_fitting.num_epochs, index, cost=1 - 1 / num_folds)
            for index in range(num_folds)
        ),
        Phase(PhaseKind.WARMUP, settings.warmup.num_epochs if rounds.num_epochs else 0),
        *(Phase(PhaseKind.ROUND, num_epochs, index) for index, num_epochs in enumerate(rounds.num_epochs)),
        Phase(PhaseKind.FINAL, rounds.num_final_epochs if rounds.num_epochs else 0),
    ]
    return tuple(phase for phase in phases if phase.num_epochs)


def plan_stages(settings: TrainSettings) -> list[Stage]:
    """The stages at which the whole set is predicted, in order."""
    rounds = settings.rounds
    stages = [Stage(StageKind.ROUND, i, epoch) for i in range(len(rounds.num_epochs)) for epoch in rounds.stages(i)]
    return [Stage(StageKind.WARMUP), *stages, *([Stage(StageKind.FINAL)] if rounds.num_final_epochs else [])]
