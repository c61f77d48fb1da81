"""The plainest peer: a head trained on all the given labels, and how little it can believe them all the same."""

import numpy as np

from core.benchmark.ours import judged_by
from core.benchmark.problem import Finding, Problem
from core.config import CrossValidationSettings


def training_loss(problem: Problem) -> Finding:
    """Ranked by the cross-entropy of each given label under a logistic regression that was fitted on it too."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    head = LogisticRegression(C=CrossValidationSettings().regularisation, max_iter=2000)
    model = make_pipeline(StandardScaler(), head).fit(problem.features, problem.given)
    probs = np.zeros((len(problem.given), problem.num_classes))
    probs[:, model.classes_] = model.predict_proba(problem.features)
    # 1 - p ranks as -log p does, and is a probability besides.
    return judged_by(probs, problem.given)
