"""The samples that a reader reviews in this session: their choice of a queue."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from overread.review.queue_choice import QueueChoice, QueueOrder, blind_choice
from overread_app import session


@dataclass(frozen=True, slots=True)
class ReadingList:
    """A reader's choice of samples of one run, stored in the session."""

    reader: str
    study: str
    run: str
    """Empty: the samples are read without a model."""
    is_blind: bool = False
    """Whether the reader labels each image alone first: then the choice is what `blind_choice` allows."""

    @property
    def key(self) -> str:
        """Identifies this list within the session; opaque, since it is part of the page."""
        return hashlib.sha256("\n".join((self.reader, self.study, self.run)).encode()).hexdigest()[:12]

    @property
    def choice(self) -> QueueChoice:
        return blind_choice(self._stored[0]) if self.is_blind else self._stored[0]

    @property
    def since(self) -> int:
        """How many verdicts the reader had given when the queue was chosen; 0 for the queue that nobody chose."""
        return self._stored[1]

    @property
    def _stored(self) -> tuple[QueueChoice, int]:
        order = QueueOrder.PROBABILITY if self.run else QueueOrder.RANDOM
        return session.get(f"queue_{self.key}", (QueueChoice(order), 0))

    def choose(self, *, since: int = 0, **changes: Any) -> None:
        """Change these fields of the choice; nothing happens where they have these values. since: how
        many verdicts the reader has given."""
        changed = replace(self.choice, **changes)
        if changed != self.choice:
            session.put(f"queue_{self.key}", (changed, since))

    def ask(self, choice: QueueChoice) -> None:
        """Have the pages that show samples begin with that choice, whoever the reader is by then."""
        session.put("asked_choice", (self.study, self.run, choice))

    @property
    def is_asked(self) -> bool:
        """Whether another page has asked for a choice of this list."""
        asked = session.get("asked_choice")
        return asked is not None and asked[:2] == (self.study, self.run)

    def take_asked(self, *, since: int) -> None:
        """Make the choice that another page has asked for this list's. since: how many verdicts the reader has
        given."""
        if self.is_asked:
            session.put(f"queue_{self.key}", (session.get("asked_choice")[2], since))
            session.put("asked_choice", None)
