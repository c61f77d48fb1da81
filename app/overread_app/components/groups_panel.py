"""Groups whose labels contradict the rest, as a part of the Insights page, and one decision on each."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from overread.audit.group_bound import MIN_RIGHT, NUM_DRAWN
from overread.checks.contradicted import group_text
from overread.pipeline.group_decision import (
    GroupDecision,
    GroupOutcome,
    GroupProgress,
    apply_group,
    draw_group,
    draw_more,
    group_name,
    group_progress,
    load_groups,
    progress_words,
    undo_group,
)
from overread.records import Finding
from overread.studies.run import Run
from overread.studies.study import Study
from overread_app import session, study_data
from overread_app.boundary import plain_text
from overread_app.components.chart_choice import show_row_links
from overread_app.components.failure import attempt, show_failure
from overread_app.components.finding_images import show_finding_images
from overread_app.components.wording import counted

MOST_SHOWN = 8


def show_groups(study: Study, run: Run, scores: pd.DataFrame) -> None:
    """A row for each, with the ways to its images, and for the owner its decision; nothing where there are none."""
    groups = run.contradicted_groups()
    if not groups:
        return
    st.header("Groups whose labels stand out")
    show_failure("groups")
    if message := session.get("group_message"):
        session.put("group_message", None)
        st.info(plain_text(message), icon=":material/info:")
    decisions = load_groups(study) if session.is_owner() else {}
    for number, group in enumerate(groups[:MOST_SHOWN]):
        rows = np.flatnonzero(scores["sample_id"].isin(group["sample_ids"]))
        show_row_links(study, run, scores, rows, name=f"group_{number}", text=plain_text(group_text(group)))
        if session.is_owner():
            with st.container(horizontal=True, vertical_alignment="center", key=f"insights_group_{number}_decision"):
                show_decision(study, run, group, decisions.get(group_name(group["sample_ids"])), number)
    more = f" {len(groups) - MOST_SHOWN} more are in the run's folder." if len(groups) > MOST_SHOWN else ""
    st.caption(
        "Models of the other groups contradict these labels, and so do models of all images. Either the labels are "
        f"wrong in the same way, or the images look different. A random sample tells: if it is confirmed, one decision "
        f"changes them all.{more}"
    )


def show_decision(study: Study, run: Run, group: dict[str, Any], decision: GroupDecision | None, number: int) -> None:
    """Where the decision on a group is, and the next step."""
    if decision is None:
        label = f"Draw {min(NUM_DRAWN, len(group['sample_ids'])):,} to confirm"
        _button(label, f"insights_group_{number}_draw", draw_group, study, run.name, group)
        return
    if decision.applied:
        st.caption("Changed by one decision. All of its verdicts can be undone together.", width="content")
        _button("Undo", f"insights_group_{number}_undo", undo_group, study, decision)
        return
    progress = group_progress(decision, study_data.ledger(study).decisions())
    text = f"{progress_words(progress).capitalize()}."
    if not progress.is_enough and progress.num_read < decision.num_drawn:
        text += f" {decision.num_drawn - progress.num_read:,} of the sample wait first in the readers’ queue."
    elif not progress.is_enough:
        text += f" At least {MIN_RIGHT:.0%} is needed to change all of them."
    st.caption(plain_text(text), width="content")
    if progress.is_enough:
        label, key = f"Change all {progress.num_labels:,} …", f"insights_group_{number}_apply"
        if st.button(label, type="primary", key=key):
            confirm(study, decision, progress)
    elif progress.num_read >= decision.num_drawn < progress.num_labels:
        _button("Read more", f"insights_group_{number}_more", draw_more, study, decision)


@st.dialog("Change all of these labels?", width="large")
def confirm(study: Study, decision: GroupDecision, progress: GroupProgress) -> None:
    """The bound, the images that were read and the ones that follow."""
    reader = session.reader_name()
    st.markdown(f"{plain_text(progress_words(progress).capitalize())}.")
    changes = ", ".join(f"{given} → {new}" for given, new in decision.changes.items())
    st.markdown(f"**{counted(progress.num_labels, 'label')}**: {plain_text(changes)}")
    given = study_data.load_samples(study).set_index("sample_id")["given_label"].to_dict()
    shown = Finding("group", "info", progress.num_labels, "", decision.sample_ids)
    show_finding_images(study.pixels_path, shown, given)
    st.caption(
        "One verdict in bulk is written for each, marked as such, and all of them can be undone together. Labels of "
        "critical classes, and those that you decided one by one, are left as they are. An audit opened on this run "
        "counts as wrong what the sample leaves possible; any other counts all of them until they are read."
    )
    if not reader:
        st.info("Enter your name on the Review page first: each verdict names its reader.", icon=":material/info:")
        return
    label, key = f"Change all {progress.num_labels:,}", "insights_group_confirm"
    if _button(label, key, apply_group, study, decision, reader, is_primary=True):
        st.rerun()


def _button(label: str, key: str, *what: Any, is_primary: bool = False) -> bool:
    """what: what to do, and with which arguments."""
    return st.button(
        label,
        type="primary" if is_primary else "secondary",
        key=key,
        on_click=attempt,
        args=("groups", _act, *what),
    )


def _act(act: Any, *arguments: Any) -> None:
    """Do it; what came of it is shown above the groups."""
    outcome = act(*arguments, actor=session.account())
    if isinstance(outcome, GroupOutcome):
        session.put("group_message", outcome_words(outcome))


def outcome_words(outcome: GroupOutcome) -> str:
    """What was written, and what was left and why."""
    text = f"{counted(len(outcome.recorded), 'label')} changed."
    if outcome.critical:
        text += f" {len(outcome.critical):,} of a critical class are left: read them one by one."
    if outcome.kept:
        text += f" {len(outcome.kept):,} that you decided yourself are left as they are."
    return text
