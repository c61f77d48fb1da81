"""Labels that readers decided, as arrays that training uses in place of the given labels."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class VerifiedLabels:
    """One row per sample, in the order of samples.csv."""

    targets: np.ndarray
    """(N, K) float64: 1 at the verified label; a half at each of the two where the verdict is "ambiguous"; else 0."""
    is_excluded: np.ndarray
    """(N,) bool: samples that may not be fitted on."""

    @property
    def is_verified(self) -> np.ndarray:
        """(N,) bool: whether the sample has a verified label, or two."""
        return np.asarray(self.targets.any(axis=1))

    @property
    def is_certain(self) -> np.ndarray:
        """(N,) bool: whether it has exactly one."""
        return np.asarray((self.targets == 1).any(axis=1))

    def labels(self, otherwise: np.ndarray) -> np.ndarray:
        """(N,) int64: the verified label if there is exactly one, else that of `otherwise`, (N,) int64."""
        return np.where(self.is_certain, self.targets.argmax(axis=1), otherwise)

    def outcomes(self, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The samples with exactly one verified label, (M,) int64, and whether their given label is another, (M,) bool.
        given: (N,) int64."""
        places = np.flatnonzero(self.is_certain)
        return places, self.labels(given)[places] != given[places]

    def soft(self, otherwise: np.ndarray, places: np.ndarray) -> np.ndarray:
        """(M, K) float32: the targets of the samples at `places`, (M,) int64, or the row of `otherwise`, (M, K), for
        samples that are not verified."""
        return np.where(self.is_verified[places, None], self.targets[places], otherwise).astype(np.float32)

    def without(self, is_left_out: np.ndarray) -> "VerifiedLabels":
        """The same, with these samples undecided. is_left_out: (N,) bool."""
        return replace(
            self,
            targets=np.where(is_left_out[:, None], 0, self.targets),
            is_excluded=self.is_excluded & ~is_left_out,
        )
