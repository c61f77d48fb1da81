"""Out-of-fold class probabilities by logistic regression on frozen features."""

import numpy as np

from overread.detection.detection_data import DetectionData
from overread.detection.folds import grouped_folds
from overread.detection.principal_components import principal_components
from overread.detection_settings import CrossValidationSettings


def cross_validated_probs(data: DetectionData, settings: CrossValidationSettings, *, seed: int) -> np.ndarray:
    """Class probabilities of every sample by models that were fitted on other groups' samples.

    Of `data` it uses features, given labels, groups and is_trained. Wide features are replaced by their principal
    components, which is better and takes a fraction of the time. Returns (N, K) float32, rows sum to 1; a class that
    is missing from a fold's training part has probability 0 there. Folds are shuffled and hold each class in proportion
    as far as the groups allow. Samples that may not be fitted on are judged by one model of all the others, among which
    may be samples of their group.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features, given = np.asarray(data.features, dtype=np.float32), data.given
    is_wide = features.shape[1] > settings.max_width
    if is_wide:
        features = principal_components(features, settings.num_components)
    probs = np.zeros((len(given), data.num_classes), dtype=np.float32)
    trained = data.trained
    folds = grouped_folds(given[trained], data.groups[trained], settings.num_folds, seed)

    def fit_predict(fitted: np.ndarray, predicted: np.ndarray) -> None:
        classes = np.unique(given[fitted])
        if len(classes) == 1:  # no other class to distinguish it from
            probs[predicted] = 1 / data.num_classes
            return
        classifier = LogisticRegression(C=settings.regularisation, max_iter=2000)
        model = classifier if is_wide else make_pipeline(StandardScaler(), classifier)
        with np.errstate(invalid="ignore"):  # OpenBLAS may warn of finite numbers too (numpy/numpy#24067)
            model.fit(features[fitted], given[fitted])
        probs[predicted[:, None], model.classes_[None, :]] = model.predict_proba(features[predicted])

    for fitted, held_out in folds:
        fit_predict(trained[fitted], trained[held_out])
    if not folds:  # one group holds all samples, so there is nothing to fit on
        probs[trained] = 1 / data.num_classes
    untrained = np.flatnonzero(~data.is_trained)
    if len(untrained):
        fit_predict(trained, untrained)
    return probs
