import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from overread.benchmark.peers.confident_learning import RECIPE, confident_learning
from overread.detection.folds import grouped_folds
from overread.metrics import ranking_metrics
from tests.core.benchmark.made_task import made_problem


def test_the_cut_off_and_the_ranking_are_those_of_cleanlab_on_the_same_probabilities():
    problem, true = made_problem()
    found = confident_learning(problem)
    probs = np.zeros((len(problem.given), 3))
    each = np.arange(len(problem.given))
    for fitted, held_out in grouped_folds(problem.given, each, RECIPE.num_folds, problem.seed):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=RECIPE.regularisation, max_iter=2000))
        model.fit(problem.features[fitted], problem.given[fitted])
        probs[held_out] = model.predict_proba(problem.features[held_out])
    ranked = find_label_issues(problem.given, probs, return_indices_ranked_by="self_confidence", n_jobs=1)
    assert sorted(np.flatnonzero(found.is_proposed)) == sorted(ranked)
    assert np.all(np.diff(found.scores[ranked]) <= 1e-6)
    np.testing.assert_allclose(found.scores, 1 - get_label_quality_scores(problem.given, probs), atol=1e-6)
    assert ranking_metrics(problem.given != true, found.scores)[0] > 0.9
