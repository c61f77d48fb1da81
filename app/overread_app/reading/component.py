"""The reading component: image, evidence and verdict in one part of the page, which talks to the server's own routes.

Its markup, style and code are the other files of this folder. The code is one module, cut by noun; it runs in the page
itself, so that it can also keep presses from Streamlit's shortcuts (keys.js). Decoding runs in a worker, whose code is
part of the module too: nothing is loaded from elsewhere.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from overread_app.reading.packets import Json

FOLDER = Path(__file__).parent
PARTS = (
    *("words", "name", "pixels", "surface", "hands", "presets", "pane", "bar", "viewer"),
    *(
        "server",
        "outbox",
        "sample_store",
        "keys",
        "key_table",
        "grades",
        "panel",
        "sheet",
        "curtain",
        "stage",
        "later",
        "drawer",
        "supply",
        "tour",
        "blind",
        "reading",
    ),
)
END = "end"
"""What the reader rests on after the last sample."""


def javascript(parts: Sequence[str] = PARTS) -> str:
    """The component's code, or a part of it that can decode images: an ES module that loads nothing."""
    code = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.js")}
    decoder = json.dumps(code["pixels"] + code["decoder"])
    return "\n".join([f"const DECODER = {decoder};", *(code[part] for part in parts)])


# Registered once, when the module is first imported: a second registration under the same name is an error.
_reading = st.components.v2.component(
    "overread_reading",
    html=(FOLDER / "reading.html").read_text(encoding="utf-8"),
    css="".join((FOLDER / f"{name}.css").read_text(encoding="utf-8") for name in ("reading", "tour")),
    js=javascript(),
)


class Told(NamedTuple):
    """What the component tells."""

    resting: str | None
    """The id of the sample that the reader has last come to rest on, or END; None before they did."""
    replaced: str | None
    """The ticket that the server no longer takes, since the scores that it was issued for were replaced; None except in
    the run of the script which that causes."""


def show_component(data: Json) -> Told:
    """Show the component. data: of `component_data`."""
    place = f"{data['language']}_{str(data['storage']).rpartition('.')[2]}"  # in another language it is made anew
    told = _reading(
        key=f"review_reading_{place}",
        data=data,
        on_resting_change=lambda: None,
        on_replaced_change=lambda: None,
    )
    return Told(told.resting and told.resting["id"], told.replaced)
