"""The cross-validated head: out-of-fold logistic regression on the features, as the quick preset has it."""

from dataclasses import replace

import numpy as np

from overread.benchmark.problem import MethodResult, Problem
from overread.detection.cross_validation import cross_validated_probs
from overread.detection.detection_data import DetectionData
from overread.detection.label_quality import self_confidence_score
from overread.detection_settings import CrossValidationSettings


def quick_head(problem: Problem) -> MethodResult:
    """The cross-validated head alone, which the quick preset has beside its network."""
    return judged_by(head_probs(problem), problem.given)


def head_probs(problem: Problem, labels: np.ndarray | None = None) -> np.ndarray:
    """(N, K): the cross-validated head with its default settings, fitted on the given labels or on `labels`."""
    data = detection_data(problem, problem.given if labels is None else labels)
    return cross_validated_probs(data, CrossValidationSettings(), seed=problem.seed)


def stratified_probs(problem: Problem) -> np.ndarray:
    """(N, K): the same head on stratified folds that disregard groups, as in cleanlab's tutorials."""
    return head_probs(replace(problem, groups=np.arange(len(problem.given))))


def judged_by(probs: np.ndarray, given: np.ndarray) -> MethodResult:
    """A result from class probabilities (N, K): wrong by 1 - p[given], proposed where another class is likelier."""
    proposed = probs.argmax(axis=1)
    return MethodResult(self_confidence_score(probs, given), proposed, proposed != given, is_probability=True)


def detection_data(problem: Problem, labels: np.ndarray) -> DetectionData:
    """The problem as the detector takes it, with the given labels or others. labels: (N,) int64."""
    return DetectionData(
        features=problem.features,
        given=labels,
        groups=problem.groups,
        is_trained=np.ones(len(labels), dtype=bool),
        num_classes=problem.num_classes,
        duplicate_groups=problem.duplicate_groups,
    )
