"""The samples that a reader reviews in this session: their choice of a threshold."""

import hashlib
from dataclasses import dataclass

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
