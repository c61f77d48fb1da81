"""The reading component: image, evidence and verdict in one part of the page, which talks to the server's own routes.

Its markup, style and code are the other files of this folder. The code is one module, cut by noun; it runs in the page
itself, so that it can also keep presses from Streamlit's shortcuts (keys.js). Decoding runs in a worker, whose code is
part of the module too: nothing is loaded from elsewhere.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from overread.records import VerdictKind
from overread_app.components.charts import class_colours
from overread_app.components.verdict_buttons import PLAIN_VERDICTS

FOLDER = Path(__file__).parent
NUM_KEYS = 9
END = "end"
VERDICTS = (
    {"kind": VerdictKind.ACCEPT.value, "text": "Change to", "key": "A", "help": ""},
    {"kind": VerdictKind.REJECT.value, "text": "Keep", "key": "X", "help": ""},
    *({"kind": kind.value, "text": text, "key": key, "help": said} for kind, text, key, said in PLAIN_VERDICTS),
)


def javascript() -> str:
    """The component's code: an ES module that loads nothing."""
    files = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.js")}
    decoder = json.dumps(files["pixels.js"] + files.pop("decoder.js"))
    names = ("pixels", "server", "outbox", "sample_store", "surface", "viewer", "keys", "panel", "sheet", "reading")
    return "\n".join([f"const DECODER = {decoder};", *(files[f"{name}.js"] for name in names)])


# Registered once, when the module is first imported: a second registration under the same name is an error.
_reading = st.components.v2.component(
    "overread_reading",
    html=(FOLDER / "reading.html").read_text(encoding="utf-8"),
    css=(FOLDER / "reading.css").read_text(encoding="utf-8"),
    js=javascript(),
)


def show_component(
    *, ticket: str, identity: tuple[str, str, str], classes: Sequence[str], is_demo: bool
) -> str | None:
    """Show the component; returns the id of the sample that the reader rests on, END after the last one, or None.

    Only in the run of the script that this causes; else None. ticket: for the server's routes. identity: reader, study
    and run, to whom the verdicts belong that the browser's tab keeps until they are saved.
    """
    storage = "overread." + hashlib.sha256("\n".join(identity).encode()).hexdigest()[:16]
    base = st.get_option("server.baseUrlPath").strip("/")
    colours = class_colours(classes)
    keys = [str(number) if number <= NUM_KEYS else "" for number in range(1, len(classes) + 1)]
    result = _reading(
        key=f"review_reading_{storage[-16:]}",
        data={
            "base": f"/{base}/reading" if base else "/reading",
            "ticket": ticket,
            "classes": [
                {"name": name, "colour": colours[name], "key": key} for name, key in zip(classes, keys, strict=True)
            ],
            "verdicts": list(VERDICTS),
            "isDemo": is_demo,
            "first": None,
            "storage": storage,
        },
        on_resting_change=lambda: None,
    )
    resting: str | None = result.resting
    return resting
