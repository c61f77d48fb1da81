"""All training methods of the benchmark, by name."""

from dataclasses import dataclass

from overread.benchmark.trainers.cross_entropy import train_by_cross_entropy
from overread.benchmark.trainers.training_problem import Recipe, Trainer


@dataclass(frozen=True)
class TrainingMethod:
    """One way to train a classifier on labels some of which are wrong."""

    train: Trainer
    citation: str
    """Authors, year and title; of what is no paper's, what it is."""
    own_recipe: Recipe | None = None
    """The paper's, for its row with its own settings; None where it is no paper's."""
    is_told_noise_rate: bool = False
    """Looks at `TrainingProblem.noise_rate`, and needs it."""
    needs_features: bool = False
    """Looks at `TrainingProblem.features`, and needs them."""
    is_peer: bool = True
    """Somebody else's."""


TRAINERS: dict[str, TrainingMethod] = {
    "cross_entropy": TrainingMethod(train_by_cross_entropy, "Cross-entropy on the given labels.", is_peer=False),
}
