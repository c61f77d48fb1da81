"""The samples that a reader reviews in this session: the threshold, and the sample that stays until it is decided."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from overread.review.queue import review_order
from overread_app import session


@dataclass(frozen=True, slots=True)
class ReadingList:
    """A reader's choice of samples of one run, stored in the session."""

    reader: str
    study: str
    run: str

    @property
    def key(self) -> str:
        """Identifies this list within the session; opaque, since it is part of the page."""
        return hashlib.sha256("\n".join((self.reader, self.study, self.run)).encode()).hexdigest()[:12]

    @property
    def min_probability(self) -> float | None:
        """The threshold on a sample's error probability; None: the run's own proposals."""
        return session.get(f"min_probability_{self.key}")

    def choose(self, min_probability: float | None) -> None:
        session.put(f"min_probability_{self.key}", min_probability)

    def hold(self, sample_id: str) -> None:
        """Keep a sample first until it is decided, whatever threshold is set meanwhile: the reader is looking at it."""
        session.put(f"held_{self.key}", sample_id)

    def order(self, scores: pd.DataFrame, decided: Collection[str]) -> list[str]:
        """The ids of the samples that are left to review, the one on the page first."""
        order = review_order(scores, decided, min_probability=self.min_probability)
        held = session.get(f"held_{self.key}")
        if held in decided or not (scores["sample_id"] == held).any():
            return order
        return [held, *(sample_id for sample_id in order if sample_id != held)]
