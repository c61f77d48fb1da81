"""What readers decided, as a training takes it: labels that nothing overwrites."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Pins:
    """A row for every sample, in the order of samples.csv."""

    targets: np.ndarray
    """(N, K) float64. Where readers decided for a label: 1 at it; where two fit: a half at each; else a row of 0."""
    is_excluded: np.ndarray
    """(N,) bool: not to be fitted on."""

    @property
    def is_pinned(self) -> np.ndarray:
        """(N,) bool: whether there is a label, or two."""
        return self.targets.any(axis=1)

    @property
    def is_certain(self) -> np.ndarray:
        """(N,) bool: whether there is one label."""
        return (self.targets == 1).any(axis=1)

    def labels(self, otherwise: np.ndarray) -> np.ndarray:
        """(N,) int64: the one label where there is one, else that of `otherwise` (N,) int64."""
        return np.where(self.is_certain, self.targets.argmax(axis=1), otherwise)

    def drawn(self, otherwise: np.ndarray, draws: np.ndarray) -> np.ndarray:
        """(N,) int64: `labels`, and where two fit one of them by chance. A network that sees many draws learns both.

        draws: (N,) float in [0, 1).
        """
        one_of = (self.targets.cumsum(axis=1) > draws[:, None]).argmax(axis=1)
        return np.where(self.is_pinned, one_of, otherwise)

    def soft(self, otherwise: np.ndarray, places: np.ndarray) -> np.ndarray:
        """(M, K) float32: the targets of the samples at `places` (M,), those of `otherwise` (M, K) where nothing is
        pinned."""
        return np.where(self.is_pinned[places, None], self.targets[places], otherwise).astype(np.float32)

    def without(self, is_left_out: np.ndarray) -> "Pins":
        """As if nothing had been decided of these samples. is_left_out: (N,) bool."""
        return replace(
            self,
            targets=np.where(is_left_out[:, None], 0, self.targets),
            is_excluded=self.is_excluded & ~is_left_out,
        )
