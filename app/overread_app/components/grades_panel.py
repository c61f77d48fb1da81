"""How grave a reader found the wrong labels, as a part of the Insights page."""

import pandas as pd
import streamlit as st

from overread.records import Grade
from overread.review.grades import grades_by_pair
from overread.studies.study import Study
from overread_app import session

HEADINGS = {
    Grade.MANY_MINOR: "Many, minor",
    Grade.MANY_MAJOR: "Many, major",
    Grade.FEW_MINOR: "Few, minor",
    Grade.FEW_MAJOR: "Few, major",
}


def show_grades(study: Study) -> None:
    """The reader's own grades by class pair; nothing where there are none."""
    reader = session.reader_name()
    pairs = grades_by_pair(session.ledger(study).decisions(reader)) if reader else []
    if not pairs:
        return
    st.header("Your grades of the errors")
    names = st.column_config.TextColumn(width="medium")
    rows = [
        {
            "Given label": pair.given_label,
            "Your label": pair.chosen_label,
            **{heading: pair.grades[grade] for grade, heading in HEADINGS.items()},
            "Not graded": pair.num_ungraded,
        }
        for pair in pairs
    ]
    config = {"Given label": names, "Your label": names}
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", column_config=config)
    st.caption(
        "Labels that you changed, one at a time: whether many or few readers would miss the error, and whether it is "
        "minor or major."
    )
