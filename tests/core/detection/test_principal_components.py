import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from overread.detection.cross_validation import cross_validated_probs
from overread.detection.detection_data import DetectionData
from overread.detection.principal_components import principal_components
from overread.detection_settings import CrossValidationSettings


def wide_features(num_samples=300, width=1280, rank=30, seed=0):
    """Features that vary along a few directions, two of which tell the classes apart, and a little along all."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 2, num_samples)
    factors = rng.normal(size=(num_samples, rank))
    factors[:, :2] += 1.2 * (2 * true[:, None] - 1)
    features = factors @ rng.normal(size=(rank, width)) + 2 * rng.normal(size=(num_samples, width))
    return (5 + 3 * features).astype(np.float32), true


@pytest.mark.parametrize("num_samples", [300, 60])
def test_components_are_those_of_the_singular_value_decomposition_scaled_as_a_whole(num_samples):
    features, _ = wide_features(num_samples)
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    left, values, _ = np.linalg.svd(standard.astype(np.float64), full_matrices=False)
    num = min(128, num_samples - 1)  # centred: the last direction of N samples is empty
    found = principal_components(features, 128)
    expected = left * values
    expected = expected[:, : found.shape[1]] / np.sqrt((expected[:, : found.shape[1]].var(axis=0)).mean())
    np.testing.assert_allclose(found.var(axis=0).mean(), 1, rtol=1e-4)
    np.testing.assert_allclose(np.abs(found[:, :30]), np.abs(expected[:, :30]), atol=0.02)
    assert (np.diff(found[:, :num].var(axis=0)) < 1e-4).all()


def test_wrong_labels_among_wide_features_are_found_better_than_in_all_of_them():
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    gains = []
    for seed in range(3):
        features, true = wide_features(seed=seed)
        given = np.where(np.random.default_rng(10 + seed).random(len(true)) < 0.3, 1 - true, true)
        rows, everyone = np.arange(len(given)), np.ones(len(given), dtype=bool)
        data = DetectionData(features, given, rows, everyone, num_classes=2)
        probs = cross_validated_probs(data, CrossValidationSettings(5), seed=0)
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        plain = cross_val_predict(model, features, given, cv=folds, method="predict_proba")
        found, before = (average_precision_score(given != true, 1 - p[rows, given]) for p in (probs, plain))
        gains.append(found - before)
    assert min(gains) > 0.01, gains


def test_samples_that_are_all_alike_have_no_components():
    assert not principal_components(np.full((6, 4), 7.0), 128).any()
