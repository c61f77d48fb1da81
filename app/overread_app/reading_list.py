"""The samples that a reader reviews in this session: their choice of a queue."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from overread.review.queue_choice import QueueChoice, QueueOrder
from overread_app import session


@dataclass(frozen=True, slots=True)
class ReadingList:
    """A reader's choice of samples of one run, stored in the session."""

    reader: str
    study: str
    run: str
    """Empty: the samples are read without a model."""

    @property
    def key(self) -> str:
        """Identifies this list within the session; opaque, since it is part of the page."""
        return hashlib.sha256("\n".join((self.reader, self.study, self.run)).encode()).hexdigest()[:12]

    @property
    def choice(self) -> QueueChoice:
        return self._stored[0]

    @property
    def since(self) -> int:
        """The ledger's newest row when the queue was chosen; 0 for the queue that nobody chose."""
        return self._stored[1]

    @property
    def _stored(self) -> tuple[QueueChoice, int]:
        order = QueueOrder.PROBABILITY if self.run else QueueOrder.RANDOM
        return session.get(f"queue_{self.key}", (QueueChoice(order), 0))

    def choose(self, *, since: int = 0, **changes: Any) -> None:
        """Change these fields of the choice; nothing happens where they have these values. since: the ledger's newest
        row."""
        changed = replace(self.choice, **changes)
        if changed != self.choice:
            session.put(f"queue_{self.key}", (changed, since))
