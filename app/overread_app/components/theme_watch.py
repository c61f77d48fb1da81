"""Draws the page again when the reader chooses the other theme: the server makes the charts in its colours."""

from pathlib import Path

import streamlit as st

_watch = st.components.v2.component("overread_theme", js=(Path(__file__).parent / "theme_watch.js").read_text())


def watch_theme() -> None:
    """Tell the browser the theme that this run of the page was drawn in."""
    _watch(key="frame_theme", data={"theme": st.context.theme.type}, on_changed_change=lambda: None)
