"""cleanlab: confident learning on cross-validated probabilities.

Source: Northcutt et al. 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", as cleanlab 2.9 has it.
"""

from dataclasses import replace

import numpy as np

from overread.benchmark.head import detection_data
from overread.benchmark.peers.packages import require
from overread.benchmark.problem import MethodResult, Problem
from overread.detection.cross_validation import cross_validated_probs
from overread.detection_settings import CrossValidationSettings

RECIPE = CrossValidationSettings(regularisation=0.003)
"""Of the recipes that were tried on the 16 cells the best one for cleanlab: core/docs/results/experiments.md."""


def confident_learning(problem: Problem) -> MethodResult:
    """cleanlab on the probabilities of 5-fold cross-validated logistic regression.

    The folds are stratified and disregard groups, as in cleanlab's tutorials; features wider than 256 are replaced by
    their principal components.
    """
    data = replace(detection_data(problem, problem.given), groups=np.arange(len(problem.given)))
    return confident_learning_of(cross_validated_probs(data, RECIPE, seed=problem.seed), problem.given)


def confident_learning_of(probs: np.ndarray, given: np.ndarray) -> MethodResult:
    """Ranked by self-confidence, cut off by `find_label_issues` as it comes. Needs the package cleanlab.

    probs: (N, K), out of fold, rows sum to 1; given: (N,) int64.
    """
    require("cleanlab")
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    quality = get_label_quality_scores(given, probs, method="self_confidence")
    # One process: to start several takes longer than the work, and changes nothing in the result.
    is_proposed = find_label_issues(given, probs, n_jobs=1)
    return MethodResult(1 - quality, probs.argmax(axis=1), is_proposed, is_probability=True)
