"""Rows that belong together: near-duplicates."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Groups:
    """Which of N rows belong together."""

    numbers: np.ndarray
    """(N,) int: each row's group, -1 for a row alone."""
    _order: np.ndarray
    _sorted: np.ndarray

    @classmethod
    def of(cls, numbers: np.ndarray) -> "Groups":
        order = np.argsort(numbers, kind="stable")
        return cls(numbers, order, numbers[order])

    def others(self, row: int) -> np.ndarray:
        """The other rows of a row's group, ascending."""
        if not len(self.numbers) or self.numbers[row] < 0:
            return np.empty(0, dtype=np.int64)
        first, end = np.searchsorted(self._sorted, [self.numbers[row], self.numbers[row] + 1])
        rows = self._order[first:end]
        return rows[rows != row]
