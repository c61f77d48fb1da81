"""How far the readers of an assigned study are, for its owner: numbers alone, and nothing that they decided."""

from collections.abc import Sequence

import streamlit as st

from overread.pipeline.assigning import study_progress
from overread.review.claims import give_back
from overread.studies.study import Study
from overread_app import session
from overread_app.boundary import plain_text


def show_readers(study: Study) -> None:
    """Nothing where the samples are not shared among readers, or this session is not the owner's."""
    progress = study_progress(study, session.ledger(study)) if session.is_owner() else None
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
    show_give_back(study, [one.reader for one in progress.readers if one.num_claimed])


def show_give_back(study: Study, holders: Sequence[str]) -> None:
    """For a reader who has left."""
    if not holders:
        return
    with st.popover("Give back a reader's images"):
        st.markdown("Other readers get the images that this one holds and has not read. What was read stays.")
        reader = st.selectbox("Reader", holders, key="insights_holder")
        if st.button("Give back", type="primary", key="insights_give_back"):
            give_back(session.ledger(study), reader)
            st.rerun()
