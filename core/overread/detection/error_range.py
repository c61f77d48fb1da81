"""The range of wrong labels that the data allow, from the noise models that cannot be ruled out."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from overread.detection.calibration import recalibrated
from overread.proposal_settings import CalibrationSettings

_NUM_DEVIATIONS = 2.0
_LOG_ODDS_BY_OVERLAP = 3.0
"""By how much the log odds of a wrong label may be off, times the root of the classes' overlap: chosen on half of the
cells of core/docs/results/experiments.md#ranges, and checked on the other half."""
_WEAK_OVERLAP = 0.1
"""Above it the promised precision was too high by more than 0.05 in 11 of 20 of these cells, below it in 10 of 62."""


@dataclass(frozen=True)
class ErrorRange:
    """The label-error probabilities by the models that expect the fewest and the most wrong labels."""

    low: np.ndarray
    """(N,) float in [0, 1]."""
    high: np.ndarray
    """(N,) float in [0, 1]; not above `low` for every sample, only in sum."""
    overlap: float = 0.0
    """In [0, 1]: the mean probability, by the features, that an image's most likely class is not its class."""

    @classmethod
    def of(cls, probabilities: Iterable[np.ndarray]) -> "ErrorRange":
        """probabilities: (N,) by each model, at least one."""
        found = sorted(probabilities, key=lambda one: float(one.sum()))
        return cls(found[0], found[-1])

    @property
    def has_weak_features(self) -> bool:
        """Whether the features tell the classes apart too badly for a promise."""
        return self.overlap > _WEAK_OVERLAP

    def widened(self, overlap: float) -> "ErrorRange":
        """The ends moved apart by what no noise model knows: where the classes overlap, hard images with right labels
        look like clear ones with wrong labels. What is impossible stays so.

        overlap: the field of the result."""
        shift = _LOG_ODDS_BY_OVERLAP * np.sqrt(overlap)
        return ErrorRange(_shifted(self.low, -shift), _shifted(self.high, shift), overlap)

    def among(self, is_chosen: np.ndarray) -> "ErrorRange":
        """Of the samples of a mask, (N,) bool."""
        return ErrorRange(self.low[is_chosen], self.high[is_chosen], self.overlap)

    def counts(self, is_chosen: np.ndarray) -> tuple[float, float]:
        """The lowest and highest plausible number of wrong labels among the samples of a mask, (N,) bool: what either
        model expects, and two standard deviations of chance beyond."""
        ends = []
        for probability in (self.low[is_chosen], self.high[is_chosen]):
            expected, chance = probability.sum(), _NUM_DEVIATIONS * np.sqrt((probability * (1 - probability)).sum())
            ends += [expected - chance, expected + chance]
        return float(max(min(ends), 0.0)), float(min(max(ends), is_chosen.sum()))

    def recalls(self, is_chosen: np.ndarray) -> tuple[float, float]:
        """The lower and the higher share, in [0, 1], of all wrong labels that either model expects among the samples of
        a mask, (N,) bool; 0 where a model expects none."""
        ends = [float(p[is_chosen].sum() / total) if (total := p.sum()) > 0 else 0.0 for p in (self.low, self.high)]
        return min(ends), max(ends)

    def recalibrated(self, places: np.ndarray, is_error: np.ndarray, settings: CalibrationSettings) -> "ErrorRange":
        """Both ends recalibrated on the same verdicts, which brings them together. Arguments as for the function."""
        ends = ErrorRange.of(recalibrated(each, places, is_error, settings) for each in (self.low, self.high))
        return replace(ends, overlap=self.overlap)


def _shifted(probability: np.ndarray, log_odds: float) -> np.ndarray:
    scaled = probability * np.exp(log_odds)
    return np.asarray(scaled / (1 - probability + scaled))
