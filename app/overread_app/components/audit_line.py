"""What the open audit proves, as a line on the Review page."""

import streamlit as st

from overread.audit.design import AuditQuestion
from overread.audit.statement import Statement
from overread.audit.wording import most_percent, percent
from overread.studies.study import Study
from overread_app import session, study_data
from overread_app.words.catalogue import Words


def show_audit_line(study: Study) -> None:
    """Where the audit stands; nothing where none is open."""
    now = study_data.load_audit_now(study)
    if now is not None:
        with st.container(key="review_audit"):
            st.caption(audit_line(now.statement, now.audit.question, session.words()))


def audit_line(statement: Statement, question: AuditQuestion, words: Words) -> str:
    """Where the audit stands, in a sentence or two."""
    target = words.localised(percent(question.max_wrong))
    if not statement.num_read:
        return words("audit.not_begun", number=statement.num_to_read or statement.num_labels, target=target)
    share = words.localised(most_percent(statement.most_wrong, statement.num_labels))
    if statement.num_to_read is None:
        return words("audit.too_many", share=share, target=target)
    if statement.num_to_read == 0:
        return words("audit.proved", share=share)
    return words("audit.to_go", share=share, number=statement.num_to_read, target=target)
