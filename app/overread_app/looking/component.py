"""The component that shows one image in the viewer of reading, on pages that ask about it in fields of their own."""

from pathlib import Path

import streamlit as st

from overread.studies.run import Run
from overread.studies.study import Study
from overread_app import session
from overread_app.reading import component as reading_component
from overread_app.reading.open_rooms import open_room
from overread_app.reading.packets import Json
from overread_app.reading.page_data import component_data

FOLDER = Path(__file__).parent
READING_PARTS = (
    *("words", "name", "pixels", "surface", "hands", "presets", "pane", "bar", "viewer"),
    *("server", "sample_store"),
)
SECTIONS = ("server", "image", "keys")
"""Of the catalogue, those that the browser needs."""


def markup() -> str:
    """The viewer's part of the markup of reading, without the button for its list of keys."""
    lines = (reading_component.FOLDER / "reading.html").read_text(encoding="utf-8").splitlines()
    end = next(number for number, line in enumerate(lines) if '<section class="panel' in line)
    return "\n".join(line for line in [*lines[:end], "</div>"] if '<button class="help"' not in line)


# Registered once, when the module is first imported: a second registration under the same name is an error.
_looking = st.components.v2.component(
    "overread_looking",
    html=markup(),
    css=(reading_component.FOLDER / "reading.css").read_text(encoding="utf-8")
    + (FOLDER / "looking.css").read_text(encoding="utf-8"),
    js=reading_component.javascript(READING_PARTS) + (FOLDER / "looking.js").read_text(encoding="utf-8"),
)


def show_image(study: Study, run: Run | None, reader: str, sample_id: str) -> None:
    """Show a sample's image at its full resolution. Only for a reader whose code was checked."""
    room = open_room(study, run)
    if sample_id not in room.rows:
        st.caption("This image is no longer in the study.")
        return
    packet: Json = {"id": sample_id, "image": room.image_version(room.rows[sample_id]), "similar": []}
    data = component_data(study, run, reader)
    told = {name: data[name] for name in ("base", "ticket", "language", "classes")}
    _looking(
        key=f"looking_{data['language']}",
        data=told | {"packet": packet, "words": session.words().sections(*SECTIONS)},
    )
