"""The paper's loop and our default as training methods.

Our default judges labels; it is no classifier. Two are made of what it says: every label to train on is replaced by the
probability of each class, given the image and its label, by models that saw neither that label nor those of its group.
On these soft labels either a network is trained, by the recipe that all methods have (`overread`), or the linear probe
is fitted that others fit to the given labels (`overread_probe`). No label is dropped, and no threshold is needed: an
undecided sample teaches little by itself, since its soft label is flat.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from overread.benchmark.trainers.linear_probe import needed_features, probe_outcome
from overread.benchmark.trainers.network_training import Batch, final_outcome, start_network, train_network
from overread.benchmark.trainers.training_problem import TrainingOutcome, TrainingProblem
from overread.config import OVERREAD, TrainSettings
from overread.detection.detection_data import DetectionData
from overread.detection.judgement import Judgement, judge
from overread.errors import ConfigError
from overread.network_settings import CrossFittingSettings
from overread.phases import plan_phases
from overread.training.engine import Training
from overread.training.progress_log import ProgressLog


def train_by_paper(problem: TrainingProblem) -> TrainingOutcome:
    """Warm-up and rounds as the settings have them, optimiser and batches as the recipe has them; the epochs of the
    recipe that are left go to the final phase. Raises ConfigError if it has fewer than warm-up and rounds take."""
    settings = paper_settings(problem)
    with tempfile.TemporaryDirectory() as folder:
        progress = ProgressLog(Path(folder) / "progress.jsonl", plan_phases(settings))
        training = Training(problem.data, settings, problem.seed, progress, Path(folder) / "state.pt")
        training.network.load_state_dict(start_network(problem).state_dict())
        training.run()
    return final_outcome(problem, training.network)


def paper_settings(problem: TrainingProblem) -> TrainSettings:
    """The problem's settings with its recipe in them, after a pretraining that is done already."""
    recipe, rounds, warmup = problem.recipe, problem.settings.rounds, problem.settings.warmup
    num_left = recipe.num_epochs - warmup.num_epochs - sum(rounds.num_epochs)
    if num_left < 0:
        raise ConfigError(
            f"the paper's warm-up and rounds take {recipe.num_epochs - num_left} epochs, more than the recipe's "
            f"{recipe.num_epochs}; shorten them (warmup.num_epochs, rounds.num_epochs)"
        )
    return replace(
        problem.settings,
        pretrain=replace(problem.settings.pretrain, num_epochs=0),
        warmup=replace(
            warmup,
            batch_size=recipe.batch_size,
            optimizer=recipe.optimizer,
            learning_rate=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            schedule=recipe.schedule,
        ),
        rounds=replace(rounds, num_final_epochs=num_left),
        cross_fitting=CrossFittingSettings(num_folds=0),
    )


def train_by_overread(problem: TrainingProblem) -> TrainingOutcome:
    """The same network by the same recipe as every method's, on judged labels."""
    judged = judge_labels(problem)
    soft = np.zeros((len(problem.data.given), problem.data.num_classes), dtype=np.float32)
    soft[problem.data.is_trained] = judged.probs
    soft_labels = torch.from_numpy(soft).to(problem.data.device)

    def loss(logits: Tensor, batch: Batch) -> Tensor:
        return F.cross_entropy(logits, soft_labels[batch.index.to(soft_labels.device)])

    return final_outcome(problem, train_network(problem, loss))


def train_overread_probe(problem: TrainingProblem) -> TrainingOutcome:
    """The linear probe, on judged labels."""
    return probe_outcome(problem, judge_labels(problem).probs.astype(np.float32))


def judge_labels(problem: TrainingProblem) -> Judgement:
    """The default's judgement of the labels to train on, (M,), with its settings as they come. Of a test image neither
    label nor features are seen. Raises ConfigError if the problem has no features."""
    data = problem.data
    detection = DetectionData(
        features=needed_features(problem)[data.is_trained],
        given=data.given[data.is_trained],
        groups=problem.trained_groups,
        is_trained=np.ones(int(data.is_trained.sum()), dtype=bool),
        num_classes=data.num_classes,
    )
    return judge(detection, OVERREAD.detection, seed=problem.seed)
