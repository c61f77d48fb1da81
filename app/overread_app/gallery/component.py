"""The gallery component: many samples at once, which talks to the server's own routes.

Its markup, style and code are the other files of this folder, after the style of reading and those parts of its code
that are not about one sample.
"""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from overread.review.assignment import current_assignment
from overread.review.queue_choice import QueuePart
from overread.studies.run import Run
from overread.studies.study import Study
from overread_app import session, study_data
from overread_app.reading import component as reading_component
from overread_app.reading.packets import Json
from overread_app.reading.page_data import component_data
from overread_app.reading_list import ReadingList

FOLDER = Path(__file__).parent
READING_PARTS = ("words", "name", "server")
PARTS = ("tile_store", "grid", "confirm", "gallery")
SECTIONS = ("server", "gallery", "confirm")
"""Of the catalogue, those that the browser needs."""


def javascript() -> str:
    """The component's code: an ES module that loads nothing."""
    files = [reading_component.FOLDER / f"{part}.js" for part in READING_PARTS] + [
        FOLDER / f"{part}.js" for part in PARTS
    ]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


# Registered once, when the module is first imported: a second registration under the same name is an error.
_gallery = st.components.v2.component(
    "overread_gallery",
    html=(FOLDER / "gallery.html").read_text(encoding="utf-8"),
    css=(reading_component.FOLDER / "reading.css").read_text(encoding="utf-8")
    + (FOLDER / "gallery.css").read_text(encoding="utf-8"),
    js=javascript(),
)


def gallery_data(study: Study, run: Run | None, reading: ReadingList) -> Json:
    """The component's data, the same each time the page is drawn: all samples that the reader's queue lets through,
    decided or not, without controls. Only for a reader whose code was checked. Raises RunReplacedError."""
    choice = replace(reading.choice, num_controls=0, repeats=False, only=QueuePart.UNDECIDED)
    data = component_data(study, run, reading.reader, choice=choice, since=reading.since)
    words = session.words()
    texts = words.sections(*SECTIONS)
    if current_assignment(study_data.ledger(study)) is not None:
        texts["gallery.empty"] = words("review.share_reviewed")
    return data | {
        "critical": [name for name in study.critical_classes if name in study.classes],
        "words": texts,
    }


class Told(NamedTuple):
    """What the component tells, in the run of the script which that causes; else None."""

    opened: str | None
    """The id of a sample that the reader opens."""
    replaced: str | None
    """The ticket that the server no longer takes, since the scores that it was issued for were replaced."""


def show_component(data: Json) -> Told:
    """Show the component. data: of `gallery_data`."""
    place = f"{data['language']}_{str(data['storage']).rpartition('.')[2]}"  # in another language it is made anew
    told = _gallery(key=f"gallery_{place}", data=data, on_opened_change=lambda: None, on_replaced_change=lambda: None)
    return Told(told.opened, told.replaced)
