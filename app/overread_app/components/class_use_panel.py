"""Raters and readers who use a class far less than the others, as a part of the Insights page."""

import streamlit as st

from overread.checks.class_use import rare_class_text
from overread.studies.study import Study
from overread_app import audit_data, session
from overread_app.boundary import plain_text


def show_class_use(study: Study) -> None:
    """A line for each, for the owner alone; nothing where there are none."""
    if not session.is_owner():
        return
    found = audit_data.load_rare_classes(study)
    if not found:
        return
    st.header("Classes that a rater hardly uses")
    st.markdown("\n".join(f"- {plain_text(rare_class_text(each))}." for each in found))
    st.caption(
        "On images that others labelled, too. Only you see this. It may be a habit, a key that was taken for another, "
        "or a different instruction: ask before you judge."
    )
