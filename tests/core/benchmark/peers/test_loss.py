from dataclasses import replace

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from overread.benchmark.peers.loss import training_loss
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


def test_wide_features_are_judged_by_their_leading_components_together_of_unit_variance():
    problem, _ = made_problem()
    noise = np.random.default_rng(0).normal(0, 1, (240, 400)).astype(np.float32)
    wide = np.concatenate([problem.features, noise], axis=1)
    found = training_loss(replace(problem, features=wide))
    scaled = (wide - wide.mean(axis=0, dtype=np.float64)) / wide.std(axis=0, dtype=np.float64)
    left, values, _ = np.linalg.svd(scaled, full_matrices=False)
    components = (left * values)[:, :128]
    components /= np.sqrt(components.var(axis=0).mean())
    model = LogisticRegression(C=0.01, max_iter=2000).fit(components, problem.given)
    probs = model.predict_proba(components)
    np.testing.assert_allclose(found.scores, 1 - probs[np.arange(240), problem.given], atol=2e-3)
