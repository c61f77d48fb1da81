"""The buttons of the Review page: one for each verdict, and the last verdict with its undo."""

from functools import partial
from typing import Any

import streamlit as st

from overread.records import Decision, Proposal, VerdictKind
from overread.studies.study import Study
from overread_app import session, study_data
from overread_app.boundary import error_boundary, plain_text
from overread_app.verdict_recording import attempt, decide, undo
from overread_app.visit import Visit

NUM_KEYS = 9
RETRY_S = 1.5
"""How long a verdict that a busy ledger refused waits until it is sent again."""
MAX_NOTE_LENGTH = 500
PLAIN_VERDICTS = (
    (VerdictKind.AMBIGUOUS, "Ambiguous", "M", "The image does not show which class is right. The given label is kept."),
    (
        VerdictKind.CANNOT_JUDGE,
        "Cannot judge",
        "N",
        "You cannot judge this image. The given label is kept.",
    ),
    (VerdictKind.EXCLUDE, "Exclude", "E", "The image should not be in the dataset. Its label becomes empty."),
)
VERDICT_NAMES = {
    VerdictKind.ACCEPT: "Changed",
    VerdictKind.REJECT: "Kept",
    VerdictKind.RELABEL: "Another class",
    VerdictKind.AMBIGUOUS: "Ambiguous",
    VerdictKind.EXCLUDE: "Excluded",
    VerdictKind.CANNOT_JUDGE: "Cannot judge",
}


def show_verdicts(study: Study, proposal: Proposal, visit: Visit) -> None:
    """A button for each verdict, with its shortcut. They belong to the visit: after its end they do nothing."""
    given, proposed = proposal.given_label, proposal.proposed_label
    show_button = partial(show_verdict_button, study, proposal, visit)
    with st.container(key="review_verdicts", gap="xsmall"):
        accept, reject = st.columns(2, gap="xsmall")
        with accept:
            show_button(VerdictKind.ACCEPT, proposed, f"Change to {plain_text(proposed)}", "A")
        with reject:
            show_button(VerdictKind.REJECT, given, f"Keep {plain_text(given)}", "X")
        third = [(number, name) for number, name in enumerate(study.classes, 1) if name not in (given, proposed)]
        if third:
            with st.container(horizontal=True, gap="xsmall", key="review_verdicts_third"):
                st.html('<span class="row-title">Another class</span>', width="content")
                for number, name in third:
                    if number <= NUM_KEYS:  # the class's own number: the same key for it on every sample
                        show_button(VerdictKind.RELABEL, name, plain_text(name), str(number))
                show_more_classes(study, proposal, visit, [name for number, name in third if number > NUM_KEYS])
        with st.container(horizontal=True, gap="xsmall", key="review_verdicts_plain"):
            for kind, text, shortcut, help_text in PLAIN_VERDICTS:
                show_button(kind, "" if kind is VerdictKind.EXCLUDE else given, text, shortcut, help=help_text)
    taken_back, note = session.get("review_note", ("", ""))
    st.text_input(
        "Note",
        note if taken_back == visit.sample_id else "",
        key=visit.note_key,
        placeholder="Note, saved with the verdict; press Enter when done",
        label_visibility="collapsed",
        max_chars=MAX_NOTE_LENGTH,
    )


def show_verdict_button(
    study: Study,
    proposal: Proposal,
    visit: Visit,
    kind: VerdictKind,
    chosen: str,
    text: str,
    shortcut: str,
    **options: Any,
) -> None:
    st.button(
        text,
        key=f"review_verdict_{kind}_{shortcut}_{visit.visit_id}",
        shortcut=shortcut,
        width="stretch",
        on_click=decide,
        args=(study, proposal, visit, kind, chosen),
        **options,
    )


def show_more_classes(study: Study, proposal: Proposal, visit: Visit, names: list[str]) -> None:
    """A menu of the classes beyond the number keys."""
    if names:
        key = f"review_verdict_more_{visit.visit_id}"
        st.selectbox(
            "More classes",
            names,
            index=None,
            placeholder="More classes",
            label_visibility="collapsed",
            key=key,
            on_change=lambda: decide(study, proposal, visit, VerdictKind.RELABEL, session.field_value(key) or ""),
        )


@st.fragment(run_every=RETRY_S)
def send_again(study: Study) -> None:
    """Send the verdict that a busy ledger refused once more; then it is saved, or the page says that it is not."""
    with error_boundary():
        pending = session.get("review_pending")
        if pending is None:
            return
        st.warning("Not saved yet: the ledger is in use. Trying again…", icon=":material/hourglass_top:")
        if session.get("review_pending_shown") != pending.idempotency_key:
            session.put("review_pending_shown", pending.idempotency_key)
            return
        attempt(lambda: study_data.ledger(study).record(pending))
        session.put("review_pending_shown", None)
        st.rerun()


def show_last(study: Study, last: Decision | None, visit: Visit | None) -> None:
    """This reader's last verdict in the ledger, and a button that undoes it."""
    if problem := session.get("review_problem"):
        st.warning(f"Not saved: {plain_text(problem.rstrip('.'))}. Press the button again.", icon=":material/info:")
    if stale := session.get("review_stale"):
        st.info(plain_text(stale[:1].upper() + stale[1:]), icon=":material/info:")
    if session.get("review_pending") is not None:
        send_again(study)
    with st.container(horizontal=True, vertical_alignment="center", key="review_last"):
        st.markdown(f"Saved: {verdict_text(last)}" if last else "Nothing saved yet")
        identity = last.verdict.idempotency_key[:16] if last else "none"
        st.button(
            "Undo",
            key=f"review_verdict_undo_{identity}_{visit.visit_id if visit else 'end'}",
            shortcut="U",
            disabled=last is None,
            type="tertiary",
            on_click=undo,
            args=(study, last.verdict.reader, last, visit) if last else None,
        )


def verdict_text(decision: Decision) -> str:
    verdict = decision.verdict
    match verdict.kind:
        case VerdictKind.ACCEPT | VerdictKind.RELABEL:
            return f"{plain_text(verdict.given_label)} → {plain_text(verdict.chosen_label)}"
        case VerdictKind.REJECT:
            return f"{plain_text(verdict.given_label)}, kept"
        case kind:
            return f"{plain_text(verdict.given_label)}, {VERDICT_NAMES[kind].lower()}"
