"""Where the open audit stands, as a line on the Review page."""

import streamlit as st

from overread.audit.wording import least_percent, most_percent, percent
from overread.pipeline.audit_store import design_path
from overread.pipeline.audit_study import AuditNow
from overread.review.assignment import current_assignment
from overread.review.claims import held_samples
from overread_app import audit_data, session
from overread_app.reading.reader_state import ReaderState
from overread_app.reading.room import Room
from overread_app.words.catalogue import Words


def show_audit_line(room: Room, state: ReaderState) -> None:
    """Nothing where no audit is open. Who may not see what follows from others' verdicts is told how many images wait
    for them, and not the bound."""
    if not design_path(room.study).is_file():
        return
    words = session.words()
    if session.may_see_others():
        now = audit_data.load_audit_now(room.study)
        line = audit_line(now, words) if now else ""
    else:
        num_left = num_waiting(room, state)
        line = words("audit.left", number=num_left) if num_left else words("audit.read")
    with st.container(key="review_audit"):
        st.caption(line)


def num_waiting(room: Room, state: ReaderState) -> int:
    """How many images of the sample the reader has not read; of their share, where images are shared among readers."""
    waiting = set(room.drawn.ranks if room.drawn else ()) - set(state.current().decided)
    if current_assignment(state.ledger) is not None:
        waiting &= held_samples(state.ledger, state.reader)
    return len(waiting)


def audit_line(now: AuditNow, words: Words) -> str:
    """Where the audit stands, in a sentence or two."""
    question, statement = now.audit.question, now.statement
    if question.min_precision is None:
        asked = words("audit.at_most", share=words.localised(percent(question.max_wrong)))
        share = most_percent(statement.most_wrong, statement.num_labels)
        proved, num_read = words("audit.at_most", share=words.localised(share)), statement.num_read
    else:
        asked = words("audit.at_least", share=words.localised(percent(question.min_precision)))
        bounds = now.proposals
        share = least_percent(bounds.least_wrong[-1], bounds.cut_offs[-1])
        proved, num_read = words("audit.at_least", share=words.localised(share)), bounds.num_read
    if not num_read:
        return words("audit.not_begun", number=now.num_to_read or now.audit.num_drawn, asked=asked)
    if now.num_to_read is None:
        return words("audit.too_many", proved=proved, asked=asked)
    if now.num_to_read == 0:
        return words("audit.proved", proved=proved)
    return words("audit.to_go", proved=proved, number=now.num_to_read, asked=asked)
