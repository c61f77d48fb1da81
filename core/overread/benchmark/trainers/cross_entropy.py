"""Cross-entropy on the given labels, with nothing against wrong ones: what every other method is compared with."""

import torch.nn.functional as F

from overread.benchmark.trainers.network_training import final_outcome, train_network
from overread.benchmark.trainers.training_problem import TrainingOutcome, TrainingProblem
from overread.models.network import Network


def train_by_cross_entropy(problem: TrainingProblem) -> TrainingOutcome:
    return final_outcome(problem, cross_entropy_network(problem))


def cross_entropy_network(problem: TrainingProblem) -> Network:
    """The network after all epochs of the recipe."""
    return train_network(problem, lambda logits, batch: F.cross_entropy(logits, batch.targets))
