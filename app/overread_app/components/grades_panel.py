"""How grave a reader found the wrong labels, as a part of the Insights page."""

import pandas as pd
import streamlit as st

from overread.review.grades import grades_by_pair
from overread.studies.study import Study
from overread_app import session, study_data
from overread_app.components.verdict_words import GRADE_WORDS


def show_grades(study: Study) -> None:
    """The reader's own grades by class pair; nothing where there are none."""
    reader = session.reader_name()
    pairs = grades_by_pair(study_data.ledger(study).decisions(reader)) if reader else []
    if not pairs:
        return
    st.header("Your grades of the errors")
    rows = [
        {
            "Given label": pair.given_label,
            "Your label": pair.chosen_label,
            **{words.capitalize(): pair.grades[grade] for grade, words in GRADE_WORDS.items()},
            "Not graded": pair.num_ungraded,
        }
        for pair in pairs
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")
    st.caption(
        "Labels that you changed, one at a time, by how many readers would miss the error and whether it matters."
    )
