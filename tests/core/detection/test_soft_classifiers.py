import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from overread.detection.soft_classifiers import (
    Penalties,
    SoftLogistic,
    fit_soft_classifier,
    fit_soft_logistic,
    fit_soft_ridge,
)


def logistic_case(num_classes, num_samples=300, num_features=6, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(num_samples, num_features)).astype(np.float32) * (1 / np.arange(1, num_features + 1))
    logits = features @ rng.normal(size=(num_features, num_classes)) * 3 + rng.gumbel(size=(num_samples, num_classes))
    return features.astype(np.float32), logits.argmax(axis=1)


@pytest.mark.parametrize("strength", [0.0003, 0.03, 1.0])
@pytest.mark.parametrize("num_classes", [2, 3, 7])
def test_hard_labels_give_what_scikit_learn_gives(num_classes, strength):
    features, labels = logistic_case(num_classes)
    found = fit_soft_logistic(features, np.eye(num_classes)[labels], regularisation=strength)
    # Of two classes scikit-learn has one vector w, here there are w / 2 and -w / 2: half the penalty.
    theirs = LogisticRegression(C=strength * 2 if num_classes == 2 else strength, tol=1e-8, max_iter=5000)
    theirs.fit(features, labels)
    np.testing.assert_allclose(found.predict_probs(features), theirs.predict_proba(features), atol=5e-4)


def test_soft_labels_are_as_many_rows_of_hard_ones_with_weights():
    features, _ = logistic_case(3)
    targets = np.random.default_rng(1).dirichlet(np.full(3, 0.5), 300) * np.linspace(0, 2, 300)[:, None]
    found = fit_soft_logistic(features, targets, regularisation=0.3)
    theirs = LogisticRegression(C=0.3, tol=1e-8, max_iter=5000)
    theirs.fit(np.repeat(features, 3, axis=0), np.tile(np.arange(3), 300), sample_weight=targets.ravel())
    np.testing.assert_allclose(found.predict_probs(features), theirs.predict_proba(features), atol=5e-4)


def test_samples_of_weight_0_are_as_if_they_were_not_there():
    features, labels = logistic_case(3)
    targets = np.eye(3)[labels]
    targets[200:] = 0
    found = fit_soft_logistic(features, targets, regularisation=0.1)
    without = fit_soft_logistic(features[:200], targets[:200], regularisation=0.1)
    np.testing.assert_allclose(found.predict_probs(features), without.predict_probs(features), atol=5e-4)


def test_where_a_fit_starts_does_not_matter():
    features, labels = logistic_case(3)
    targets = np.eye(3)[labels]
    cold = fit_soft_logistic(features, targets, regularisation=0.1)
    far = SoftLogistic(np.random.default_rng(2).normal(size=(7, 3)).astype(np.float32) * 3)
    warm = fit_soft_logistic(features, targets, regularisation=0.1, start=far)
    np.testing.assert_allclose(warm.predict_probs(features), cold.predict_probs(features), atol=5e-4)


def test_a_class_that_no_sample_has_becomes_improbable():
    features, labels = logistic_case(2)
    probs = fit_soft_logistic(features, np.eye(5)[labels], regularisation=0.1).predict_probs(features)
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)
    assert probs[:, 2:].max() < 0.01


def test_two_fits_agree_to_the_bit_and_leave_their_input_alone():
    features, labels = logistic_case(4)
    targets = np.eye(4)[labels]
    before = features.tobytes(), targets.tobytes()
    first, second = (fit_soft_logistic(features, targets, regularisation=0.1) for _ in range(2))
    assert first.coefficients.tobytes() == second.coefficients.tobytes()
    assert (features.tobytes(), targets.tobytes()) == before


def ridge_case(seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 120)
    features = (np.eye(3, 5)[labels] + rng.normal(size=(120, 5))).astype(np.float32)
    return features, labels, rng


def test_the_regression_is_scikit_learn_s_with_the_rows_sums_as_weights():
    features, _, rng = ridge_case()
    targets = rng.dirichlet(np.ones(3), 120) * rng.random((120, 1))
    weights = targets.sum(axis=1)
    reference = Ridge(alpha=7.0).fit(features, targets / weights[:, None], sample_weight=weights)
    coefficients = fit_soft_ridge(features, targets, penalty=7.0).coefficients
    np.testing.assert_allclose(coefficients[:-1], reference.coef_.T, atol=1e-4)
    np.testing.assert_allclose(coefficients[-1], reference.intercept_, atol=1e-4)


def test_probabilities_are_what_is_regressed_cut_off_below_and_made_to_sum_to_1():
    features, labels, _ = ridge_case()
    far = np.concatenate([features, 50 * features[:3]])
    model = fit_soft_ridge(features, np.eye(3)[labels], penalty=1.0)
    probs = model.predict_probs(far)
    values = far @ model.coefficients[:-1] + model.coefficients[-1]
    assert (values < 0).any()
    for row, value in zip(probs, values, strict=True):
        cut = [max(v, 1e-3) for v in value]
        assert row.tolist() == pytest.approx([v / sum(cut) for v in cut], rel=1e-4)


def test_a_sample_without_weight_changes_nothing_and_without_any_weight_nothing_is_told():
    features, labels, _ = ridge_case()
    targets = np.eye(3)[labels]
    targets[:20] = 0
    whole, part = (
        fit_soft_ridge(*each, penalty=5.0).coefficients for each in ((features, targets), (features[20:], targets[20:]))
    )
    np.testing.assert_allclose(whole, part, atol=1e-5)
    nothing = fit_soft_ridge(features, np.zeros((120, 3)), penalty=5.0).predict_probs(features)
    np.testing.assert_allclose(nothing, 1 / 3)


def test_the_classifier_is_the_mean_of_both_regressions():
    features, labels, _ = ridge_case()
    targets = np.eye(3)[labels]
    pair = fit_soft_classifier(features, targets, Penalties(0.1, 20.0))
    expected = (
        fit_soft_logistic(features, targets, regularisation=0.1).predict_probs(features)
        + fit_soft_ridge(features, targets, penalty=20.0).predict_probs(features)
    ) / 2
    np.testing.assert_allclose(pair.predict_probs(features), expected, atol=1e-6)
