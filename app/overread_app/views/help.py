"""The Help page: the guide for readers."""

from pathlib import Path

import streamlit as st

from overread_app.boundary import error_boundary

WIDTH_PX = 800
"""A longer line is hard to read."""
PACKAGE = Path(__file__).resolve().parents[1]


def guide_path() -> Path:
    """The guide: a wheel brings it in the package, a clone has it in core/docs."""
    packaged = PACKAGE / "guide.md"
    return packaged if packaged.is_file() else PACKAGE.parents[1] / "core" / "docs" / "guide.md"


def show_page() -> None:
    title, _, text = guide_path().read_text(encoding="utf-8").partition("\n")
    with st.container(width=WIDTH_PX):
        st.title(title.removeprefix("# "))
        st.markdown(text)


with error_boundary():
    show_page()
