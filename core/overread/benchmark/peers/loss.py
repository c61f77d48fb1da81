"""The simplest method: rank the labels by the loss of a head trained on all of them."""

import numpy as np

from overread.benchmark.head import judged_by
from overread.benchmark.problem import MethodResult, Problem
from overread.detection.principal_components import principal_components
from overread.detection_settings import CrossValidationSettings


def training_loss(problem: Problem) -> MethodResult:
    """Ranked by the cross-entropy of each given label under a logistic regression that was fitted on it too."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    # Scaled or made narrow as for the cross-validated head: it is the same, but for the folds.
    settings = CrossValidationSettings()
    if problem.features.shape[1] > settings.max_width:
        features = principal_components(problem.features, settings.num_components)
    else:
        features = StandardScaler().fit_transform(problem.features)
    model = LogisticRegression(C=settings.regularisation, max_iter=2000)
    model.fit(features, problem.given)
    probs = np.zeros((len(problem.given), problem.num_classes))
    probs[:, model.classes_] = model.predict_proba(features)
    # 1 - p ranks as -log p does, and is a probability besides.
    return judged_by(probs, problem.given)
