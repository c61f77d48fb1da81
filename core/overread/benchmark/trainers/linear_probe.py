"""A linear classifier on the features of a frozen encoder, with nothing against wrong labels."""

from dataclasses import dataclass

import numpy as np

from overread.benchmark.trainers.training_problem import TrainingOutcome, TrainingProblem
from overread.detection.folds import grouped_folds
from overread.detection.soft_classifiers import SoftLogistic, fit_soft_logistic
from overread.errors import ConfigError

NUM_COMPONENTS = 128
"""Of the features, at most; as the judgement of labels has it."""
STRENGTHS = tuple(10.0**power for power in range(-4, 3))
"""Inverse strengths of the L2 penalty that are tried."""
NUM_FOLDS = 5


@dataclass(frozen=True)
class ProbeInputs:
    """The features as a classifier takes them. No test image has a say in it."""

    trained: np.ndarray
    """(M, P) float32, of the samples to train on."""
    every: np.ndarray
    """(N, P) float32."""


def probe_inputs(problem: TrainingProblem) -> ProbeInputs:
    """Principal components of the standardised features, scaled as a whole: both are those of the samples to train on.
    Raises ConfigError if the problem has no features."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    features = needed_features(problem)
    of_trained = features[problem.data.is_trained]
    scaler = StandardScaler().fit(of_trained)
    components = PCA(min(NUM_COMPONENTS, *of_trained.shape), svd_solver="covariance_eigh")
    trained = components.fit_transform(scaler.transform(of_trained))
    scale = np.float32(max(np.sqrt(trained.var(axis=0).mean()), 1e-6))
    return ProbeInputs(trained / scale, components.transform(scaler.transform(features)) / scale)


def needed_features(problem: TrainingProblem) -> np.ndarray:
    """(N, D) float32. Raises ConfigError if the problem has none."""
    if problem.features is None:
        raise ConfigError("this method needs features, and the problem has none")
    return np.asarray(problem.features, dtype=np.float32)


def train_linear_probe(problem: TrainingProblem) -> TrainingOutcome:
    """Logistic regression on the given labels."""
    data = problem.data
    return probe_outcome(problem, np.eye(data.num_classes, dtype=np.float32)[data.given[data.is_trained]])


def probe_outcome(problem: TrainingProblem, targets: np.ndarray) -> TrainingOutcome:
    """What a logistic regression says that is fitted to `targets`, with the L2 penalty that makes those of held-out
    folds most likely. targets: (M, K) float32, rows sum to 1, of the samples to train on."""
    inputs = probe_inputs(problem)
    strength = _best_strength(inputs.trained, targets, problem.trained_groups, problem.seed)
    model = fit_soft_logistic(inputs.trained, targets, regularisation=strength)
    return TrainingOutcome(model.predict_probs(inputs.every))


def _best_strength(features: np.ndarray, targets: np.ndarray, groups: np.ndarray, seed: int) -> float:
    log_probs = np.zeros(len(STRENGTHS))
    for fitted, held_out in grouped_folds(targets.argmax(axis=1), groups, NUM_FOLDS, seed):
        model: SoftLogistic | None = None
        for place, strength in enumerate(STRENGTHS):
            model = fit_soft_logistic(features[fitted], targets[fitted], regularisation=strength, start=model)
            probs = np.maximum(model.predict_probs(features[held_out]), 1e-12)
            log_probs[place] += (targets[held_out] * np.log(probs)).sum()
    return STRENGTHS[int(log_probs.argmax())]
