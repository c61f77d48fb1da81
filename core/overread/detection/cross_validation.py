"""A scorer that never saw a sample's own label: logistic regression on the frozen features, out of fold."""

import numpy as np

from overread.config import CrossValidationSettings
from overread.detection.folds import grouped_folds
from overread.detection.principal_components import principal_components

MAX_WIDTH = 256
"""Wider features are judged by their principal components: better, and in a fraction of the time."""


def cross_validated_probs(
    embeddings: np.ndarray,
    given: np.ndarray,
    groups: np.ndarray,
    is_trained: np.ndarray,
    *,
    num_classes: int,
    settings: CrossValidationSettings,
    seed: int,
) -> np.ndarray:
    """Class probabilities of every sample from models that were fitted on other groups' samples.

    embeddings: (N, D) float; given: (N,) int64; groups: (N,) int64, kept whole in a fold (a patient, a
    slide); is_trained: (N,) bool, the samples that may be fitted on. Returns (N, K) float32, rows sum to 1;
    a class that a fold's fitting part lacks has probability 0 there. Folds are shuffled and hold each
    class in proportion as far as groups allow. The samples that may not be fitted on are judged by one model of
    all the others, which may hold their patient.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features = np.asarray(embeddings, dtype=np.float32)
    is_wide = features.shape[1] > MAX_WIDTH
    if is_wide:
        features = principal_components(features)
    probs = np.zeros((len(given), num_classes), dtype=np.float32)
    trained = np.flatnonzero(is_trained)
    folds = grouped_folds(given[trained], groups[trained], settings.num_folds, seed)

    def fit_predict(fitted: np.ndarray, predicted: np.ndarray) -> None:
        classes = np.unique(given[fitted])
        if len(classes) == 1:  # nothing to tell it from, so nothing is said
            probs[predicted] = 1 / num_classes
            return
        classifier = LogisticRegression(C=settings.regularisation, max_iter=2000)
        model = classifier if is_wide else make_pipeline(StandardScaler(), classifier)
        model.fit(features[fitted], given[fitted])
        probs[predicted[:, None], model.classes_[None, :]] = model.predict_proba(features[predicted])

    for fitted, held_out in folds:
        fit_predict(trained[fitted], trained[held_out])
    if not folds:  # one group holds all: nothing is left to fit on, so nothing is said
        probs[trained] = 1 / num_classes
    untrained = np.flatnonzero(~is_trained)
    if len(untrained):
        fit_predict(trained, untrained)
    return probs
