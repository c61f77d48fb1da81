"""Overread's own judgement of the benchmark's problems."""

import numpy as np

from overread.benchmark.problem import Finding, Problem
from overread.config import OVERREAD, CrossValidationSettings
from overread.detection.cross_validation import cross_validated_probs
from overread.detection.judgement import judge
from overread.detection.label_quality import self_confidence_score


def overread(problem: Problem) -> Finding:
    """The overread preset's judgement of the cell's features, with its settings as they come. The networks that the
    preset fine-tunes beside it are not part of this."""
    judgement = judge(
        problem.features,
        problem.given,
        problem.groups,
        np.ones(len(problem.given), dtype=bool),
        num_classes=problem.num_classes,
        settings=OVERREAD.refinement,
        seed=problem.seed,
        pictures=problem.pictures,
    )
    return Finding(
        self_confidence_score(judgement.probs, problem.given),
        judgement.proposed,
        judgement.proposed != problem.given,
        is_probability=True,
    )


def head_probs(problem: Problem, labels: np.ndarray | None = None) -> np.ndarray:
    """(N, K): the cross-validated head with its settings as they come, fitted on the given labels or on `labels`."""
    return cross_validated_probs(
        problem.features,
        problem.given if labels is None else labels,
        problem.groups,
        np.ones(len(problem.given), dtype=bool),
        num_classes=problem.num_classes,
        settings=CrossValidationSettings(),
        seed=problem.seed,
    )


def quick_head(problem: Problem) -> Finding:
    """The cross-validated head alone, which the quick preset has beside its network."""
    return judged_by(head_probs(problem), problem.given)


def judged_by(probs: np.ndarray, given: np.ndarray) -> Finding:
    """A finding from class probabilities (N, K): wrong by 1 - p[given], proposed where another class is likelier."""
    proposed = probs.argmax(axis=1)
    return Finding(self_confidence_score(probs, given), proposed, proposed != given, is_probability=True)
