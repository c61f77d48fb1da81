"""The form field for the source of a new study: a path, or an upload where owners may send one."""

import streamlit as st

from overread.sources import registry
from overread.sources.archives import size_text
from overread.studies.uploads import Upload, Uploads
from overread_app import session
from overread_app.uploads.component import show_component
from overread_app.uploads.desk import uploads_of

UPLOAD, PATH = "On this computer", "In a folder on the server"


def own_uploads() -> Uploads | None:
    """The uploads, where this session may send any."""
    return uploads_of(session.actor()) if session.is_served() else None


def ask_source(key: str) -> tuple[str, bool]:
    """The path or name of the source, empty before there is one; and whether it is an upload.

    key: what the fields' keys begin with.
    """
    uploads = own_uploads()
    if uploads is None:
        return ask_path("Folder or file on this machine", key=key), False
    way = st.radio("Where the dataset is", [UPLOAD, PATH], key=f"{key}_place", horizontal=True)
    if way == UPLOAD:
        return ask_upload(uploads, key=key), True
    return ask_path("Folder or file on the server", key=key), False


def ask_path(title: str, *, key: str) -> str:
    """A path on the server, or the name of a dataset that can be downloaded."""
    return st.text_input(
        title,
        key=f"{key}_source",
        placeholder="/data/chest or /data/chest/labels.csv",
        help=f"Or {'; or '.join(form.download.explanation for form in registry.FORMATS if form.download)}",
    ).strip()


def ask_upload(uploads: Uploads, *, key: str) -> str:
    """The path of one of the uploads, by default the latest. One that was just completed is previewed at once."""
    if finished := show_component(uploads, key=f"{key}_uploader"):
        session.put("fresh_upload", finished)
    waiting = uploads.waiting()
    if not waiting:
        return ""
    field, button = st.columns([5, 1], vertical_alignment="bottom")
    chosen = field.selectbox(
        "Uploaded dataset", waiting, key=f"{key}_upload_{waiting[0].id}", format_func=upload_text
    )  # with a key of its own, a new one is chosen
    with button.popover("Remove", key=f"{key}_removing_{chosen.id}", width="stretch"):
        st.markdown("This deletes the upload from the server. The file on your computer stays.")
        if st.button("Remove the upload", key=f"{key}_remove_{chosen.id}", type="primary"):
            uploads.remove(chosen.id)
            st.rerun()
    return str(chosen.path)


def upload_text(upload: Upload) -> str:
    """When it came, its size, and who sent it; its name was never told."""
    return f"{upload.ended:%d %B %Y, %H:%M} UTC · {size_text(upload.size_bytes)} · {upload.by}"
