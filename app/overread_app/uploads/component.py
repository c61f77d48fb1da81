"""The component by which an owner sends a dataset: what to choose, how far it is sent, and what goes wrong."""

from pathlib import Path

import streamlit as st

from overread.studies.uploads import Uploads
from overread_app.reading import component as reading_component

FOLDER = Path(__file__).parent
PARTS = (
    reading_component.FOLDER / "server.js",  # how long to wait before the next attempt
    *(FOLDER / f"{name}.js" for name in ("tar", "sending", "upload")),
)

# Registered once, when the module is first imported: a second registration under the same name is an error.
_upload = st.components.v2.component(
    "overread_upload",
    html=(FOLDER / "upload.html").read_text(encoding="utf-8"),
    css=(FOLDER / "upload.css").read_text(encoding="utf-8"),
    js="\n".join(part.read_text(encoding="utf-8") for part in PARTS),
)


def show_component(uploads: Uploads, *, key: str) -> str | None:
    """Show the component; the id of the upload that has just been completed, in the run of the script which that
    causes."""
    data = {"base": "/reading/uploads", "most": uploads.max_bytes}
    finished: str | None = _upload(key=key, data=data, on_finished_change=lambda: None).finished
    return finished
