from dataclasses import replace

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores

from overread.benchmark.head import head_probs
from overread.benchmark.peers.confident_learning import confident_learning
from overread.metrics import ranking_metrics
from tests.core.benchmark.made_task import made_problem


def test_the_cut_off_and_the_ranking_are_those_of_cleanlab_on_the_same_probabilities():
    problem, true = made_problem()
    found = confident_learning(problem)
    probs = head_probs(replace(problem, groups=np.arange(len(problem.given))))
    ranked = find_label_issues(problem.given, probs, return_indices_ranked_by="self_confidence", n_jobs=1)
    assert sorted(np.flatnonzero(found.is_proposed)) == sorted(ranked)
    assert np.all(np.diff(found.scores[ranked]) <= 0)
    np.testing.assert_allclose(found.scores, 1 - get_label_quality_scores(problem.given, probs))
    assert ranking_metrics(problem.given != true, found.scores)[0] > 0.9
