"""The tour of the Review page: its steps, and whether the browser is to show it."""

import secrets
from dataclasses import asdict, dataclass

from overread.studies.study import Study
from overread_app import session
from overread_app.reading.packets import Json

_ASKED = "tour_asked"
_MAX_NUMBER = 2**50
"""JavaScript's numbers are exact below 2**53."""


@dataclass(frozen=True, slots=True)
class TourStep:
    """A card of the tour."""

    name: str
    """Of its texts in the catalogue's section `tour`."""
    target: str
    """The class of the part of the page that it is about; empty for none."""
    is_above: bool = False
    """Whether the card lies at the top, as it must where the part lies beneath."""


STEPS = (
    TourStep("labels", "readings"),
    TourStep("verdicts", "verdicts"),
    TourStep("evidence", "evidence", is_above=True),
    TourStep("last", "last", is_above=True),
    TourStep("result", ""),
)


def ask_for_tour() -> None:
    """Show the tour on the next visit to the Review page, also to who has seen it."""
    session.put(_ASKED, 1 + secrets.randbelow(_MAX_NUMBER))


def tour_data(study: Study) -> Json:
    """The tour for the component: its texts, the number of the last wish to see it (0: none), and whether it is shown
    unasked, as on the demo."""
    return {
        "steps": [asdict(step) for step in STEPS],
        "asked": session.get(_ASKED, 0),
        "isOffered": study.is_demo,
    }
