import numpy as np
import pytest
from sklearn.linear_model import Ridge

from overread.detection.soft_classifier import Penalties, fit_soft_classifier
from overread.detection.soft_logistic import fit_soft_logistic
from overread.detection.soft_ridge import fit_soft_ridge


def made_case(seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 120)
    features = (np.eye(3, 5)[labels] + rng.normal(size=(120, 5))).astype(np.float32)
    return features, labels, rng


def test_the_regression_is_scikit_learn_s_with_the_rows_sums_as_weights():
    features, _, rng = made_case()
    targets = rng.dirichlet(np.ones(3), 120) * rng.random((120, 1))
    weights = targets.sum(axis=1)
    reference = Ridge(alpha=7.0).fit(features, targets / weights[:, None], sample_weight=weights)
    coefficients = fit_soft_ridge(features, targets, penalty=7.0).coefficients
    np.testing.assert_allclose(coefficients[:-1], reference.coef_.T, atol=1e-4)
    np.testing.assert_allclose(coefficients[-1], reference.intercept_, atol=1e-4)


def test_probabilities_are_what_is_regressed_cut_off_below_and_made_to_sum_to_1():
    features, labels, _ = made_case()
    far = np.concatenate([features, 50 * features[:3]])
    model = fit_soft_ridge(features, np.eye(3)[labels], penalty=1.0)
    probs = model.predict_probs(far)
    values = far @ model.coefficients[:-1] + model.coefficients[-1]
    assert (values < 0).any()
    for row, value in zip(probs, values, strict=True):
        cut = [max(v, 1e-3) for v in value]
        assert row.tolist() == pytest.approx([v / sum(cut) for v in cut], rel=1e-4)


def test_a_sample_without_weight_changes_nothing_and_without_any_weight_nothing_is_told():
    features, labels, _ = made_case()
    targets = np.eye(3)[labels]
    targets[:20] = 0
    whole, part = (
        fit_soft_ridge(*each, penalty=5.0).coefficients for each in ((features, targets), (features[20:], targets[20:]))
    )
    np.testing.assert_allclose(whole, part, atol=1e-5)
    nothing = fit_soft_ridge(features, np.zeros((120, 3)), penalty=5.0).predict_probs(features)
    np.testing.assert_allclose(nothing, 1 / 3)


def test_the_classifier_is_the_mean_of_both_regressions():
    features, labels, _ = made_case()
    targets = np.eye(3)[labels]
    pair = fit_soft_classifier(features, targets, Penalties(0.1, 20.0))
    expected = (
        fit_soft_logistic(features, targets, regularisation=0.1).predict_probs(features)
        + fit_soft_ridge(features, targets, penalty=20.0).predict_probs(features)
    ) / 2
    np.testing.assert_allclose(pair.predict_probs(features), expected, atol=1e-6)
