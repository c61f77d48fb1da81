"""Metrics of label-error detection."""

from dataclasses import dataclass

import numpy as np

REVIEW_BUDGETS = (0.1, 0.2, 0.3)


@dataclass(frozen=True)
class DetectionMetrics:
    """Ranking and cut-off, each in [0, 1], higher is better; nan where it is not defined."""

    num_samples: int
    num_errors: int
    num_proposed: int
    average_precision: float
    auroc: float
    precision: float
    recall: float
    f1: float
    recall_at_budget: dict[str, float]
    """Share of the wrong labels among the first 10, 20, 30 % of the ranking."""
    proposed_label_accuracy: float
    """Share of the wrong labels among the proposals whose proposed label is the true one."""


def ranking_metrics(is_error: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """Average precision and AUROC of a score. is_error: (N,) bool; scores: (N,) float, higher is
    more likely wrong. Both nan if there are no errors or nothing but errors."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    if is_error.all() or not is_error.any():
        return float("nan"), float("nan")
    return float(average_precision_score(is_error, scores)), float(roc_auc_score(is_error, scores))


def recall_at_budget(is_error: np.ndarray, scores: np.ndarray, budget: float) -> float:
    """Share of the errors found by reading the first `budget` (in [0, 1]) of the ranking.

    is_error: (N,) bool; scores: (N,) float, higher is read earlier. Samples that tie at the cut count
    by the share of them that the budget covers, so the result does not depend on their order.
    """
    num_read = round(budget * len(scores))
    if num_read == 0 or not is_error.any():
        return 0.0 if is_error.any() else float("nan")
    cut = np.sort(scores)[::-1][num_read - 1]
    is_above, is_tied = scores > cut, scores == cut
    share = (num_read - is_above.sum()) / is_tied.sum()
    return float((is_error[is_above].sum() + share * is_error[is_tied].sum()) / is_error.sum())


def detection_metrics(
    true: np.ndarray, given: np.ndarray, proposed: np.ndarray, is_proposed: np.ndarray, scores: np.ndarray
) -> DetectionMetrics:
    """true, given, proposed: (N,) labels of any one kind; is_proposed: (N,) bool; scores: (N,) float,
    higher is more likely wrong."""
    is_error = true != given
    average_precision, auroc = ranking_metrics(is_error, scores)
    num_errors, num_proposed = int(is_error.sum()), int(is_proposed.sum())
    is_found = is_proposed & is_error
    num_found = int(is_found.sum())
    precision = num_found / num_proposed if num_proposed else float("nan")
    recall = num_found / num_errors if num_errors else float("nan")
    return DetectionMetrics(
        num_samples=len(true),
        num_errors=num_errors,
        num_proposed=num_proposed,
        average_precision=average_precision,
        auroc=auroc,
        precision=precision,
        recall=recall,
        f1=2 * num_found / (num_proposed + num_errors) if num_proposed + num_errors else float("nan"),
        recall_at_budget={f"{budget:.0%}": recall_at_budget(is_error, scores, budget) for budget in REVIEW_BUDGETS},
        proposed_label_accuracy=float((proposed == true)[is_found].mean()) if num_found else float("nan"),
    )


@dataclass(frozen=True)
class ReliabilityCurve:
    """What was promised and what came true, bin by bin from the lowest probability to the highest."""

    mean_probability: np.ndarray
    """(B,) float64 in [0, 1]."""
    error_rate: np.ndarray
    """(B,) float64 in [0, 1]: the share of wrong labels in the bin."""
    num_samples: np.ndarray
    """(B,) int64, at least 1 each."""


def reliability_curve(is_error: np.ndarray, probabilities: np.ndarray, num_bins: int = 15) -> ReliabilityCurve:
    """The label-error probability against the wrong labels there are, in bins of equal mass.

    is_error: (N,) bool, N >= 1; probabilities: (N,) float in [0, 1]. The bins hold N / num_bins samples each, give
    or take one; there are at most N. Samples that tie count, whichever bin they fall into, with the share of errors
    among them, so the result does not depend on the order of the samples.
    """
    values, tie, counts = np.unique(probabilities, return_inverse=True, return_counts=True)
    error_share = np.bincount(tie, weights=is_error, minlength=len(values)) / counts
    order = np.argsort(tie, kind="stable")
    bins = np.array_split(order, min(num_bins, len(order)))
    return ReliabilityCurve(
        mean_probability=np.array([np.mean(values[tie[index]]) for index in bins], dtype=np.float64),
        error_rate=np.array([error_share[tie[index]].mean() for index in bins]),
        num_samples=np.array([len(index) for index in bins], dtype=np.int64),
    )


def expected_calibration_error(is_error: np.ndarray, probabilities: np.ndarray, num_bins: int = 15) -> float:
    """The mean distance of promised from true error rates over the bins of `reliability_curve`: in [0, 1], 0 is
    best. is_error: (N,) bool; probabilities: (N,) float in [0, 1].
    Source: Naeini et al. 2015, with bins of equal mass (Nguyen and O'Connor 2015).
    """
    curve = reliability_curve(is_error, probabilities, num_bins)
    gaps = np.abs(curve.mean_probability - curve.error_rate)
    return float(np.average(gaps, weights=curve.num_samples))
