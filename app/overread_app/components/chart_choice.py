"""What is chosen on a chart of Insights, and the ways on from there: to read these images, or to see them together."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from overread.records import Protocol
from overread.review.queue import chosen_samples
from overread.review.queue_choice import QueueChoice
from overread.review.selections import save_selection
from overread.studies.run import Run
from overread.studies.study import Study
from overread_app import session
from overread_app.boundary import plain_text
from overread_app.components.wording import counted
from overread_app.reading_list import ReadingList

Selection = Mapping[str, Any]
"""As Streamlit has it: `points`, each with its curve_number and point_index."""


def matrix_cell(selection: Selection, num_classes: int) -> tuple[int, int] | None:
    """Row and column of the cell that was clicked last."""
    points = selection.get("points", ())
    return divmod(points[-1]["point_index"], num_classes) if points else None


def histogram_bin(selection: Selection) -> int | None:
    """The number of the bar that was clicked last, whichever part of it."""
    points = selection.get("points", ())
    return int(points[-1]["point_index"]) if points else None


def bin_rows(probabilities: np.ndarray, edges: np.ndarray, number: int) -> np.ndarray:
    """The rows in a bin, by its number; as numpy.histogram counts them."""
    places = np.clip(np.searchsorted(edges, probabilities, side="right") - 1, 0, len(edges) - 2)
    return np.flatnonzero(places == number)


def map_rows(selection: Selection, labels: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """The rows whose points were selected. A curve is a class; the one after them marks proposals once more."""
    rows = [np.flatnonzero(labels == name) for name in classes]
    found = [
        rows[point["curve_number"]][point["point_index"]]
        for point in selection.get("points", ())
        if point["curve_number"] < len(rows)
    ]
    return np.unique(np.array(found, dtype=np.int64))


def show_pair_links(study: Study, run: Run, given: str, proposed: str, num: int) -> None:
    """Of the proposals of a class pair."""
    text = f"{plain_text(given)} → {plain_text(proposed)}"
    _show_links(study, run, "matrix", text, num, lambda: QueueChoice(given=given, likely=proposed))


def show_row_links(study: Study, run: Run, scores: pd.DataFrame, rows: np.ndarray, *, name: str, text: str) -> None:
    """Of samples, by their rows in scores.csv. name: the chart's."""
    rows = rows[chosen_samples(scores, 0.0)[rows]]
    ids = scores["sample_id"].to_numpy()[rows]

    def choice() -> QueueChoice:
        return QueueChoice(min_probability=0.0, selection=save_selection(study.path, ids.tolist()))

    _show_links(study, run, name, text, len(rows), choice)


def _show_links(study: Study, run: Run, name: str, text: str, num: int, choice: Any) -> None:
    """choice: makes the queue's choice, when a link is followed."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"insights_{name}_links"):
        st.markdown(text, width="content")
        if not num:
            st.caption("No image is chosen.")
            return
        if study.protocol == Protocol.BLIND:
            return  # to choose by labels would tell them before an image is read
        pages = {"review": f"Read {counted(num, 'image')}", "gallery": "Open gallery"}
        for page, label in pages.items():
            if st.button(label, key=f"insights_{name}_{page}"):
                ReadingList(session.reader_name(), study.ledger_study, run.name).ask(choice())
                st.switch_page(f"views/{page}.py")
