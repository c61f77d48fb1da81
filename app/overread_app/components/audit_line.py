"""What the open audit proves, as a line on the Review page."""

import streamlit as st

from overread.audit.wording import least_percent, most_percent, percent
from overread.pipeline.audit_study import AuditNow
from overread.studies.study import Study
from overread_app import audit_data, session
from overread_app.words.catalogue import Words


def show_audit_line(study: Study) -> None:
    """Where the audit stands; nothing where none is open."""
    now = audit_data.load_audit_now(study)
    if now is not None:
        with st.container(key="review_audit"):
            st.caption(audit_line(now, session.words()))


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
