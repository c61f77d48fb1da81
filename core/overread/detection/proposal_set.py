"""Which samples are proposed to reach the required expected precision, and the trade-off of any other choice."""

from dataclasses import dataclass

import numpy as np

from overread.detection.error_range import ErrorRange


@dataclass(frozen=True)
class Expectation:
    """What reading a set of samples is expected to find, from their probabilities."""

    num_samples: int
    num_errors: float
    """Wrong labels among them."""
    precision: float
    """Share of wrong labels among them, in [0, 1]; 0 for no samples."""
    recall: float
    """Share of all wrong labels that are among them, in [0, 1]; 0 if none is expected."""


@dataclass(frozen=True)
class TradeOff:
    """What reading more samples is expected to find, from the fewest to all; at each point all samples of its
    probability or more are read."""

    min_probability: np.ndarray
    """(M,) float64 in [0, 1], falling: each distinct probability."""
    num_samples: np.ndarray
    """(M,) int64, rising to N."""
    precision: np.ndarray
    """(M,) float64 in [0, 1], falling: the expected share of wrong labels among the samples read."""
    recall: np.ndarray
    """(M,) float64 in [0, 1], rising: the expected share of all wrong labels among them; 0 if none is expected."""


def proposal_set(probability: np.ndarray, *, min_precision: float) -> np.ndarray:
    """(N,) bool: the proposed samples, those of highest probability.

    probability: (N,) float in [0, 1], that the label is wrong. min_precision: in [0, 1], the lowest mean probability of
    the proposed samples. Of the sets that satisfy it, the one with the highest expected F1 is taken: beyond it, there
    would be more right labels to read than wrong ones left to find. Samples of equal probability go together.
    """
    order = np.argsort(-probability, kind="stable")
    falling = probability[order].astype(np.float64)
    found = falling.cumsum()
    num = np.arange(1, len(falling) + 1)
    f1 = 2 * found / (num + found[-1]) if len(found) and found[-1] > 0 else np.zeros(len(falling))
    is_last_of_equals = np.append(falling[1:] < falling[:-1], True)[: len(falling)]
    is_allowed = is_last_of_equals & (found / num >= min_precision) & (falling > 0)
    is_proposed = np.zeros(len(probability), dtype=bool)
    if is_allowed.any():
        is_proposed[order[: int(np.where(is_allowed, f1, -1).argmax()) + 1]] = True
    return is_proposed


def expectation(probability: np.ndarray, is_chosen: np.ndarray) -> Expectation:
    """What reading the chosen samples is expected to find. probability: (N,) float in [0, 1], that the label is wrong;
    is_chosen: (N,) bool."""
    num_samples, num_errors = int(is_chosen.sum()), float(probability[is_chosen].sum())
    total = float(probability.sum())
    return Expectation(
        num_samples=num_samples,
        num_errors=num_errors,
        precision=num_errors / num_samples if num_samples else 0.0,
        recall=num_errors / total if total > 0 else 0.0,
    )


def trade_off(probability: np.ndarray) -> TradeOff:
    """Precision and recall for every threshold. probability: (N,) float in [0, 1], that the label is wrong. M is the
    number of distinct probabilities."""
    values, counts = np.unique(probability, return_counts=True)
    values, num = values[::-1].astype(np.float64), counts[::-1].cumsum()
    found = (values * counts[::-1]).cumsum()
    total = found[-1] if len(found) else 0.0
    recall = found / total if total > 0 else np.zeros(len(found))
    return TradeOff(min_probability=values, num_samples=num, precision=found / num, recall=recall)


def recall_band(probability: np.ndarray, error_range: ErrorRange | None) -> tuple[np.ndarray, np.ndarray] | None:
    """The lower and the higher share of all wrong labels among the samples read, (M,) each, at every point of
    `trade_off`, by the two ends of the range; None without a range. probability: as there."""
    if error_range is None:
        return None
    _, of_sample = np.unique(-probability, return_inverse=True)
    found = [np.bincount(of_sample, weights=end).cumsum() for end in (error_range.low, error_range.high)]
    first, second = (each / each[-1] if len(each) and each[-1] > 0 else np.zeros(len(each)) for each in found)
    return np.minimum(first, second), np.maximum(first, second)


def proposable(given: np.ndarray, is_trained: np.ndarray, num_classes: int) -> np.ndarray:
    """(N,) bool: whether the sample's given class has at least two samples that may be fitted on. With a single one,
    nothing is left to judge that sample by."""
    counts = np.bincount(given[is_trained], minlength=num_classes)
    return counts[given] >= 2
