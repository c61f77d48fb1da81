"""cleanlab: confident learning on cross-validated probabilities.

Source: Northcutt et al. 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", as cleanlab 2.9 has it.
"""

import numpy as np

from overread.benchmark.head import stratified_probs
from overread.benchmark.peers.packages import require
from overread.benchmark.problem import MethodResult, Problem


def confident_learning(problem: Problem) -> MethodResult:
    """cleanlab on the probabilities of 5-fold cross-validated logistic regression.

    The folds are stratified and disregard groups, as in cleanlab's tutorials; the regression has our penalty and
    principal components. Of the recipes that were tried this is the best one for cleanlab:
    core/docs/results/experiments.md.
    """
    return confident_learning_of(stratified_probs(problem), problem.given)


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
