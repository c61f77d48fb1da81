"""Cross-entropy on the given labels, with nothing against wrong ones: what every other method is compared with."""

import torch.nn.functional as F

from overread.benchmark.trainers.network_training import final_outcome, train_network
from overread.benchmark.trainers.training_problem import TrainingOutcome, TrainingProblem


def train_by_cross_entropy(problem: TrainingProblem) -> TrainingOutcome:
    network = train_network(problem, lambda logits, batch: F.cross_entropy(logits, batch.targets))
    return final_outcome(problem, network)
