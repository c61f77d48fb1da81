"""What a run's model believes of its labels, as a range, in words."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from overread.detection.error_range import ErrorRange


@dataclass(frozen=True, slots=True)
class Belief:
    """What the model believes of some labels."""

    num_samples: int
    num_expected: float
    """Wrong labels among them."""
    counts: tuple[float, float] | None
    """The lowest and highest plausible number of wrong labels; None for a run without a range."""

    @classmethod
    def of(cls, probability: np.ndarray, error_range: ErrorRange | None, is_chosen: np.ndarray) -> "Belief":
        """probability: (N,) float in [0, 1], that the label is wrong; is_chosen: (N,) bool."""
        counts = error_range.counts(is_chosen) if error_range else None
        return cls(int(is_chosen.sum()), float(probability[is_chosen].sum()), counts)

    @property
    def number(self) -> str:
        """Of wrong labels, in words."""
        if self.counts is None:
            return f"about {self.num_expected:,.0f}"
        low, high = np.floor(self.counts[0]), np.ceil(self.counts[1])
        return f"{low:,.0f} to {high:,.0f}"

    @property
    def share(self) -> str:
        """Of wrong labels, in words."""
        num = max(self.num_samples, 1)
        if self.counts is None:
            return f"about {100 * self.num_expected / num:.0f} %"
        low, high = (100 * count / num for count in self.counts)
        return f"{np.floor(low):.0f} % to {np.ceil(high):.0f} %"


def beliefs(scores: pd.DataFrame, error_range: ErrorRange | None) -> tuple[Belief, Belief]:
    """Of all labels, and of the proposals. scores: scores.csv."""
    probability, is_proposed = scores["label_error_probability"].to_numpy(), scores["is_proposed"].to_numpy(dtype=bool)
    everything = Belief.of(probability, error_range, np.ones(len(scores), dtype=bool))
    return everything, Belief.of(probability, error_range, is_proposed)


def weak_features(error_range: ErrorRange) -> str:
    """What to make of a promise where `has_weak_features`."""
    return (
        f"The model hardly tells some classes apart: {error_range.overlap:.0%} of the images may fit another class "
        "better. Proposals may be hard images whose labels are right. Read some before you rely on these numbers, or "
        "train with a better encoder."
    )
