"""Which samples are proposed: as many as a given precision, expected from the probabilities, allows."""

import numpy as np


def proposal_set(probability: np.ndarray, *, min_precision: float) -> np.ndarray:
    """(N,) bool: the proposed samples, those of highest probability.

    probability: (N,) float in [0, 1], that the label is wrong. min_precision: in [0, 1]; the mean probability of the
    proposed stays at or above it. Among the sets that keep it, the one of highest expected F1: beyond, a reader sees
    more labels that are right than wrong ones are still to be found. Samples of equal probability are in it together.
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
