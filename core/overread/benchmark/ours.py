"""Overread's own detector, applied to the benchmark's problems."""

from dataclasses import replace

import numpy as np

from overread.benchmark.head import detection_data, stratified_probs
from overread.benchmark.problem import MethodResult, Problem
from overread.config import OVERREAD
from overread.detection.find_from_probs import find_label_errors_from_probs
from overread.detection.judgement import Judgement, judge
from overread.detection.label_quality import self_confidence_score
from overread.verified_labels import VerifiedLabels

NUM_VERDICTS = 100


def overread(problem: Problem) -> MethodResult:
    """The overread preset's judgement of the cell's features, with its settings as they come. The networks that the
    preset fine-tunes beside it are not part of this."""
    return _result(_judgement(problem), problem)


def after_review(problem: Problem, true: np.ndarray) -> MethodResult:
    """Its judgement, made anew after NUM_VERDICTS verdicts of a reader who is right, half of them on the labels that
    are most probably wrong, half on others, drawn at random. true: (N,) int64."""
    before = self_confidence_score(_judgement(problem).probs, problem.given)
    order = np.argsort(-before, kind="stable")
    surest, others = order[: NUM_VERDICTS // 2], order[NUM_VERDICTS // 2 :]
    controls = np.random.default_rng([problem.seed, NUM_VERDICTS]).permutation(others)[: NUM_VERDICTS // 2]
    places = np.concatenate([surest, controls])
    targets = np.zeros((len(true), problem.num_classes))
    targets[places, true[places]] = 1
    data = replace(
        detection_data(problem, problem.given), verified=VerifiedLabels(targets, np.zeros(len(true), dtype=bool))
    )
    return _result(judge(data, OVERREAD.detection, seed=problem.seed), problem)


def _result(judgement: Judgement, problem: Problem) -> MethodResult:
    return MethodResult(
        self_confidence_score(judgement.probs, problem.given),
        judgement.proposed,
        judgement.proposed != problem.given,
        is_probability=True,
        error_range=judgement.error_range,
    )


def consensus(problem: Problem) -> MethodResult:
    """The consensus of the same judgement's classifiers, which says nothing of probabilities."""
    found = _judgement(problem).consensus
    proposed = found.proposed(problem.given)
    return MethodResult(found.score, proposed, proposed != problem.given)


def _judgement(problem: Problem) -> Judgement:
    return judge(detection_data(problem, problem.given), OVERREAD.detection, seed=problem.seed)


def from_probs(problem: Problem) -> MethodResult:
    """The probabilities that cleanlab is given, judged without the features, as those of any network are."""
    return judged_from_probs(stratified_probs(problem), problem.given)


def judged_from_probs(probs: np.ndarray, given: np.ndarray) -> MethodResult:
    """Overread's judgement of probabilities (N, K) and labels (N,) int64, with its settings as they come."""
    found = find_label_errors_from_probs(probs, given)
    return MethodResult(
        found["error_probability"].to_numpy(),
        found["suggested_label"].to_numpy(dtype=np.int64),
        found["is_proposed"].to_numpy(),
        is_probability=True,
    )
