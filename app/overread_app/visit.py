"""A visit: one sample shown once to one reader. It tells a second press from a new verdict."""

import time
import uuid
from dataclasses import dataclass

from overread.review.ledger import visit_key
from overread_app import session

MIN_DWELL_S = 0.3
"""A press within this time after a sample appeared was meant for the sample before it."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Created when the sample is shown, and passed to every button beside it."""

    visit_id: str
    """New for each showing, and opaque, since it is part of the page."""
    reader: str
    study: str
    run: str
    sample_id: str
    began_s: float
    """On the monotonic clock."""
    image_sha256: str = ""
    """Of the image that is shown; empty where it is not known."""

    @property
    def idempotency_key(self) -> str:
        return visit_key(self.reader, self.sample_id, self.visit_id)

    @property
    def note_key(self) -> str:
        """Key of the note's field on the page."""
        return f"review_note_{self.visit_id}"

    @property
    def elapsed_ms(self) -> int:
        return round(1000 * (time.monotonic() - self.began_s))


def current_visit(reader: str, study: str, run: str, sample_id: str, *, image_sha256: str = "") -> Visit:
    """The current visit; a new one if something else is shown now, or the reader comes back from another page."""
    visit = session.get("visit")
    shown = (reader, study, run, sample_id)
    # Streamlit forgets a field once a page without it was shown.
    is_same = visit is not None and (visit.reader, visit.study, visit.run, visit.sample_id) == shown
    if not is_same or session.field_value(visit.note_key) is None:
        visit = Visit(uuid.uuid4().hex, *shown, began_s=time.monotonic(), image_sha256=image_sha256)
        session.put("visit", visit)
    return visit


def takes_press(visit: Visit) -> bool:
    """Whether a press on a button of this visit counts: the sample is still shown, and was visible long enough.

    The first press ends the visit (the page moves on), so that a second one, on the same buttons or during the rerun,
    belongs to no current visit.
    """
    return session.get("visit") == visit and visit.elapsed_ms >= 1000 * MIN_DWELL_S


def end_visit() -> None:
    """End the visit: the buttons beside its sample no longer count."""
    session.put("visit", None)
