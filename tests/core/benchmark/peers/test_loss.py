import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from core.benchmark.peers.loss import training_loss
from tests.core.benchmark.made_task import made_problem


def test_the_ranking_is_that_of_the_cross_entropy_of_each_given_label():
    problem, _ = made_problem()
    found = training_loss(problem)
    features = problem.features.astype(np.float64)
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    probs = LogisticRegression(C=0.01, max_iter=2000).fit(scaled, problem.given).predict_proba(scaled)
    losses = [log_loss([label], [row], labels=[0, 1, 2]) for label, row in zip(problem.given, probs, strict=True)]
    np.testing.assert_allclose(-np.log(1 - found.scores), losses, atol=1e-3)
    np.testing.assert_array_equal(found.is_proposed, probs.argmax(axis=1) != problem.given)
