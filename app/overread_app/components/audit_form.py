"""The form that opens an audit: what is to be proved, and what that would take."""

from dataclasses import replace

import streamlit as st

from overread.audit.design import AuditQuestion
from overread.audit.wording import range_words
from overread.errors import UserError
from overread.pipeline.audit_store import own_protocol
from overread.pipeline.audit_study import open_audit
from overread.records import Protocol
from overread.studies.run import Run
from overread.studies.study import Study
from overread_app import audit_data, session
from overread_app.boundary import error_text, plain_text
from overread_app.components.failure import attempt, show_failure
from overread_app.components.wording import counted

ALL_LABELS, PROPOSALS = "How many labels are still wrong", "How many proposals are right"
CONFIDENCES = (90, 95, 99)
HOUR_S = 3600
BLIND_HELP = (
    "The given label, the model’s view and the evidence are hidden until a reader has labelled the image. Without it, "
    "readers see them first and can tell the images drawn at random from the proposals; the report then says so."
)


def show_audit_form(study: Study, run: Run | None) -> None:
    """The owner's question, what it would take, and the button that draws the sample."""
    about = ALL_LABELS
    if run is not None:
        about = st.segmented_control(
            "Prove", [ALL_LABELS, PROPOSALS], default=ALL_LABELS, key="audit_about", required=True
        )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if about == PROPOSALS:
            label, value, key = "Of the proposals, at least (%) are wrong labels", 80.0, "audit_min_precision"
        else:
            label, value, key = "Of all labels, at most (%) are still wrong", 2.0, "audit_max_wrong"
        percentage = st.number_input(label, 0.1, 99.9, value, step=0.5, format="%g", key=key, width=320)
        confidence = st.selectbox(
            "Confidence (%)", CONFIDENCES, index=CONFIDENCES.index(95), key="audit_confidence", width=140
        )
        seed = st.number_input("Random seed", 0, 2**31 - 1, 0, key="audit_seed", width=140)
    by_class = about == ALL_LABELS and st.checkbox(
        "Sample each class for itself",
        key="audit_by_class",
        help="Takes more verdicts, and lets you see how many labels of each class were found wrong.",
    )
    share = round(percentage / 100, 6)
    asked = AuditQuestion(confidence=confidence / 100, seed=int(seed))
    if about == PROPOSALS:
        question = replace(asked, min_precision=share)
    else:
        question = replace(asked, max_wrong=share, by_class=by_class)
    reads_blind = own_protocol(study) == Protocol.OPEN and st.checkbox(
        "Readers label each image alone first, until the audit ends", value=True, key="audit_blind", help=BLIND_HELP
    )
    show_failure("draw")
    if show_plan(study, question, run):
        st.button(
            "Draw the sample",
            type="primary",
            key="audit_open",
            on_click=attempt,
            args=("draw", _open, study, question, run, reads_blind),
        )


def show_plan(study: Study, question: AuditQuestion, run: Run | None) -> bool:
    """What the audit would take; False, with the reason, where it cannot be drawn."""
    try:
        plan = audit_data.load_audit_plan(study, question, run)
    except UserError as error:
        st.warning(plain_text(error_text(error)), icon=":material/info:")
        return False
    pace = audit_data.load_pace_s(study)
    taking = f", about {max(plan.num_to_read * pace / HOUR_S, 0.1):.1f} hours at this study’s pace" if pace else ""
    st.markdown(
        f"This takes about **{counted(plan.num_to_read, 'verdict')}**{range_words(plan.to_read_range)}{taking}."
    )
    if question.min_precision is not None:
        how = "The proposals are read in a random order."
    elif plan.num_census:
        how = f"The {plan.num_census:,} most doubtful labels are read, and others at random."
    else:
        how = "The labels are read in a random order."
    st.caption(
        f"{how} The number rests on what the model believes; in about one audit of five it lies outside the range. "
        "What is proved rests on the verdicts alone."
    )
    return True


def _open(study: Study, question: AuditQuestion, run: Run | None, reads_blind: bool) -> None:
    open_audit(study, question, run.name if run else None, reads_blind=reads_blind, actor=session.account())
