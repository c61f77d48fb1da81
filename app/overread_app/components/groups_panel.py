"""Groups whose labels contradict the rest, as a part of the Insights page."""

import numpy as np
import pandas as pd
import streamlit as st

from overread.checks.contradicted import group_text
from overread.studies.run import Run
from overread.studies.study import Study
from overread_app.boundary import plain_text
from overread_app.components.chart_choice import show_row_links

MOST_SHOWN = 8


def show_groups(study: Study, run: Run, scores: pd.DataFrame) -> None:
    """A row for each, with the ways to its images; nothing where there are none."""
    groups = run.contradicted_groups()
    if not groups:
        return
    st.header("Groups whose labels stand out")
    for number, group in enumerate(groups[:MOST_SHOWN]):
        rows = np.flatnonzero(scores["sample_id"].isin(group["sample_ids"]))
        show_row_links(study, run, scores, rows, name=f"group_{number}", text=plain_text(group_text(group)))
    more = f" {len(groups) - MOST_SHOWN} more are in the run's folder." if len(groups) > MOST_SHOWN else ""
    st.caption(
        "Models of the other groups contradict these labels, and so do models of all images. Either the labels are "
        f"wrong in the same way, or the images look different. Look at some, then decide them together.{more}"
    )
