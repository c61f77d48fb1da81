import math

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from overread.metrics import (
    detection_metrics,
    expected_calibration_error,
    ranking_metrics,
    recall_at_budget,
    reliability_curve,
)


def made_case(seed, num_samples=80, num_classes=4):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, num_classes, num_samples)
    given = np.where(rng.random(num_samples) < 0.3, rng.integers(0, num_classes, num_samples), true)
    scores = np.round(0.5 * (true != given) + rng.random(num_samples), 1)  # rounded: many ties
    is_proposed = scores > 0.8
    proposed = np.where(is_proposed, rng.integers(0, num_classes, num_samples), given)
    return true, given, proposed, is_proposed, scores


def loop_average_precision(is_error, scores):
    """The mean precision at each error found, ties read together."""
    total = 0.0
    for cut in sorted(set(scores)):
        is_read = scores >= cut
        total += (is_error[is_read].sum() / is_read.sum()) * is_error[scores == cut].sum()
    return total / is_error.sum()


def loop_auroc(is_error, scores):
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[is_error] for b in scores[~is_error]]
    return sum(pairs) / len(pairs)


@pytest.mark.parametrize("seed", range(4))
def test_ranking_metrics_are_those_of_plain_loops(seed):
    true, given, _, _, scores = made_case(seed)
    average_precision, auroc = ranking_metrics(true != given, scores)
    assert average_precision == pytest.approx(loop_average_precision(true != given, scores))
    assert auroc == pytest.approx(loop_auroc(true != given, scores))


@pytest.mark.parametrize("seed", range(4))
def test_precision_recall_and_f1_are_those_of_scikit_learn(seed):
    true, given, proposed, is_proposed, scores = made_case(seed)
    found = detection_metrics(true, given, proposed, is_proposed, scores)
    is_error = true != given
    assert found.precision == pytest.approx(precision_score(is_error, is_proposed))
    assert found.recall == pytest.approx(recall_score(is_error, is_proposed))
    assert found.f1 == pytest.approx(f1_score(is_error, is_proposed))
    assert (found.num_samples, found.num_errors, found.num_proposed) == (80, is_error.sum(), is_proposed.sum())
    hits = [t == p for t, p, g, is_p in zip(true, proposed, given, is_proposed, strict=True) if is_p and t != g]
    assert found.proposed_label_accuracy == pytest.approx(sum(hits) / len(hits))
    assert found.recall_at_budget == {
        f"{percent} %".replace(" ", ""): recall_at_budget(is_error, scores, percent / 100) for percent in (10, 20, 30)
    }


@pytest.mark.parametrize("budget", [0.1, 0.2, 0.3])
def test_recall_at_a_budget_is_the_mean_over_all_orders_of_the_ties(budget):
    rng = np.random.default_rng(0)
    true, given, _, _, scores = made_case(5, num_samples=40)
    is_error = true != given
    num_read = round(budget * len(scores))
    recalls = []
    for _ in range(4000):
        order = rng.permutation(len(scores))
        read = order[np.argsort(-scores[order], kind="stable")][:num_read]
        recalls.append(is_error[read].sum() / is_error.sum())
    assert recall_at_budget(is_error, scores, budget) == pytest.approx(np.mean(recalls), abs=0.005)


def test_recall_at_a_budget_does_not_depend_on_the_order_of_samples():
    true, given, _, _, scores = made_case(6)
    is_error = true != given
    order = np.random.default_rng(1).permutation(len(scores))
    # Errors first in the file, as classes sorted by folder may have them, gain nothing.
    sorted_by_truth = np.argsort(~is_error, kind="stable")
    recalls = [recall_at_budget(is_error[o], scores[o], 0.2) for o in (slice(None), order, sorted_by_truth)]
    assert recalls == pytest.approx([recalls[0]] * 3)
    assert recall_at_budget(is_error, np.full(len(scores), 0.5), 0.25) == pytest.approx(0.25)


def test_a_ranking_without_ties_is_read_from_the_top():
    is_error = np.array([True, False, True, False, False, False, False, False, True, False])
    scores = np.linspace(1, 0, 10)
    assert [recall_at_budget(is_error, scores, b) for b in (0, 0.1, 0.3, 1)] == pytest.approx([0, 1 / 3, 2 / 3, 1])


def test_what_is_not_defined_is_nan():
    labels = np.array(["a", "b", "a"])
    none = np.zeros(3, dtype=bool)
    found = detection_metrics(labels, labels, labels, none, np.array([0.1, 0.2, 0.3]))
    for value in (found.average_precision, found.auroc, found.precision, found.recall, found.f1):
        assert math.isnan(value)
    assert math.isnan(found.proposed_label_accuracy)
    assert all(math.isnan(value) for value in found.recall_at_budget.values())


def loop_calibration_error(is_error, probabilities, num_bins):
    """By plain loops, of a set whose probabilities are all different."""
    order = sorted(range(len(probabilities)), key=lambda i: probabilities[i])
    total, start = 0.0, 0
    for number in range(num_bins):
        size = len(order) // num_bins + (number < len(order) % num_bins)
        members = order[start : start + size]
        start += size
        promised = sum(probabilities[i] for i in members) / size
        found = sum(bool(is_error[i]) for i in members) / size
        total += size / len(order) * abs(promised - found)
    return total


@pytest.mark.parametrize(("num_samples", "num_bins"), [(97, 15), (60, 15), (40, 7)])
def test_calibration_error_is_that_of_plain_loops(num_samples, num_bins):
    rng = np.random.default_rng(num_samples)
    probabilities = rng.random(num_samples)
    is_error = rng.random(num_samples) < probabilities**2
    found = expected_calibration_error(is_error, probabilities, num_bins)
    assert found == pytest.approx(loop_calibration_error(is_error, probabilities, num_bins))


def test_probabilities_that_come_true_have_no_calibration_error():
    probabilities = np.repeat([0.0, 0.25, 0.5, 1.0], 60)
    is_error = np.concatenate([np.arange(60) < 60 * p for p in (0.0, 0.25, 0.5, 1.0)])
    assert expected_calibration_error(is_error, probabilities, 15) == pytest.approx(0)
    assert expected_calibration_error(~is_error, probabilities, 4) == pytest.approx((1 + 0.5 + 0 + 1) / 4)


def test_calibration_does_not_depend_on_the_order_of_samples():
    rng = np.random.default_rng(3)
    probabilities = rng.integers(0, 6, 90) / 5
    is_error = rng.random(90) < 0.4
    by_truth = np.argsort(is_error, kind="stable")
    assert expected_calibration_error(is_error[by_truth], probabilities[by_truth]) == pytest.approx(
        expected_calibration_error(is_error, probabilities)
    )


def test_a_reliability_curve_has_bins_of_equal_mass_from_low_to_high():
    probabilities = np.array([0.9, 0.1, 0.2, 0.8, 0.3, 0.7, 0.4])
    is_error = probabilities > 0.5
    curve = reliability_curve(is_error, probabilities, 3)
    assert curve.num_samples.tolist() == [3, 2, 2]
    assert curve.mean_probability == pytest.approx([0.2, 0.55, 0.85])
    assert curve.error_rate == pytest.approx([0, 0.5, 1])
    assert len(reliability_curve(is_error[:2], probabilities[:2], 15).num_samples) == 2
