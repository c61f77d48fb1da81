"""How far the readers of an assigned study are, for its owner: numbers alone, and nothing that they decided."""

import streamlit as st

from overread.pipeline.assigning import study_progress
from overread.studies.study import Study
from overread_app import session
from overread_app.boundary import plain_text


def show_readers(study: Study) -> None:
    """Nothing where the samples are not shared among readers, or this session is not the owner's."""
    progress = study_progress(study) if session.is_owner() else None
    if progress is None:
        return
    st.header("Readers")
    numbers = {
        "Images to read": progress.num_samples,
        "Read once or more": progress.num_read_once,
        "Fully read": progress.num_read_by_all,
        "Held by readers now": progress.num_claimed,
        "Not read in time": progress.num_expired,
    }
    for column, (name, number) in zip(st.columns(len(numbers)), numbers.items(), strict=True):
        column.metric(name, f"{number:,}")
    st.caption("Fully read: by as many readers as are to read it. Images that were not read in time go to others.")
    if not progress.readers:
        st.caption("Nobody has begun yet.")
        return
    lines = [f"| {plain_text(one.reader)} | {one.num_read:,} | {one.num_claimed:,} |" for one in progress.readers]
    st.markdown("\n".join(["| Reader | Read | Held now |", "| --- | ---: | ---: |", *lines]))
