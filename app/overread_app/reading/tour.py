"""The tour of the Review page: its texts, and whether the browser is to show it."""

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

    title: str
    text: str
    target: str
    """The class of the part of the page that it is about; empty for none."""
    is_above: bool = False
    """Whether the card lies at the top, as it must where the part lies beneath."""


STEPS = (
    TourStep(
        "Is this label right?",
        "You see an image, its given label, and what the model reads. Look at the image first: the model is often "
        "wrong.",
        "readings",
    ),
    TourStep(
        "Give your verdict",
        "Press A to change the label, X to keep it, or 1 to 9 for another class. The next image follows at once.",
        "verdicts",
    ),
    TourStep(
        "If you are in doubt",
        "Here is why the model doubts the label: its probabilities, other checks, and similar images. Click a "
        "similar image to enlarge it.",
        "evidence",
        is_above=True,
    ),
    TourStep(
        "Nothing is final",
        "Q puts an image off. U takes your last verdict back. D lists all your verdicts, to change any of them.",
        "last",
        is_above=True,
    ),
    TourStep(
        "Take the result with you",
        "The Export page gives you the cleaned table at any time. Press ? for all keys. Help shows this tour again.",
        "",
    ),
)
WORDS = {"count": "Tour: {number} of {total}", "next": "Next", "back": "Back", "skip": "Skip the tour", "done": "Done"}


def ask_for_tour() -> None:
    """Show the tour on the next visit to the Review page, also to who has seen it."""
    session.put(_ASKED, 1 + secrets.randbelow(_MAX_NUMBER))


def tour_data(study: Study) -> Json:
    """The tour for the component: its texts, the number of the last wish to see it (0: none), and whether it is shown
    unasked, as on the demo."""
    return {
        "steps": [asdict(step) for step in STEPS],
        "words": WORDS,
        "asked": session.get(_ASKED, 0),
        "isOffered": study.is_demo,
    }
