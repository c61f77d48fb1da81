"""Folds for cross-fitting: shuffled, with whole groups, and stratified by class as far as the groups allow."""

import numpy as np


def grouped_folds(
    given: np.ndarray, groups: np.ndarray, num_folds: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The indices to fit on and those held out, (M,) int64 each, for every fold; each index is held out once.

    given: (N,) int64 labels; groups: (N,) int64, equal for samples that must stay together (those of one patient or
    slide, near-duplicates). There are at most as many folds as groups, and none if one group holds everything. Folds
    that would hold out nothing are dropped.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    num_groups = len(np.unique(groups))
    num_folds = min(num_folds, num_groups)
    if num_folds < 2:
        return []
    # If every sample is a group of its own, StratifiedGroupKFold would take a thousand times as long.
    is_alone = num_groups == len(groups)
    kind = StratifiedKFold if is_alone else StratifiedGroupKFold
    folds = kind(num_folds, shuffle=True, random_state=seed)
    found = folds.split(given, _strata(given, num_folds), None if is_alone else groups)
    return [(fitted, held_out) for fitted, held_out in found if len(held_out)]


def _strata(labels: np.ndarray, num_folds: int) -> np.ndarray:
    """Labels to stratify by. A class with fewer samples than folds counts as part of the most common one."""
    values, counts = np.unique(labels, return_counts=True)
    rare = values[counts < num_folds]
    return np.where(np.isin(labels, rare), values[counts.argmax()], labels)
