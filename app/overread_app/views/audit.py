"""The Audit page: what the readers' verdicts prove of the labels, and how the owner steers that."""

import tempfile
from functools import partial
from pathlib import Path

import streamlit as st

from overread.audit.wording import question_words
from overread.pipeline.audit_report import REPORT_KINDS, has_pdf, write_report
from overread.pipeline.audit_steering import choose_next, end_audit, extend_sample
from overread.pipeline.audit_store import NextSample
from overread.pipeline.audit_study import AuditNow
from overread.records import Protocol
from overread.review.roles import Actor
from overread.studies.run import Run
from overread.studies.study import Study
from overread_app import audit_data, session
from overread_app.boundary import plain_text
from overread_app.components.audit_form import show_audit_form
from overread_app.components.audit_panel import show_audit, show_strata
from overread_app.components.failure import attempt, num_failures, show_failure
from overread_app.components.wording import counted, run_title

NEXT = {
    NextSample.PROVE: "What proves most",
    NextSample.FIND: "What finds most errors per minute",
}


def show_page() -> None:
    st.title("Audit")
    study, run = session.current_study(), session.current_run()
    if study is None:
        st.info("There is no study yet. Create one on the Studies page.", icon=":material/info:")
        return
    st.caption(plain_text(study.name) + (f" · {run_title(run)}" if run else ""))
    now = audit_data.load_audit_now(study)
    if now is None:
        show_none(study, run)
        return
    st.markdown(f"Asked: {question_words(now.audit.question)}.")
    show_audit(study, now, page="audit")
    st.header("Verdicts by part of the sample")
    show_strata(now)
    st.header("Report")
    show_report(study)
    if session.is_owner():
        show_steering(study, run, now)


def show_none(study: Study, run: Run | None) -> None:
    st.markdown(
        "An audit proves from readers’ verdicts how many labels are still wrong at most, or how many proposals are "
        "right at least. It draws a random sample of the labels, which readers find in their queue."
    )
    show_failure("audit")  # the audit was ended in another window
    if session.is_owner():
        show_audit_form(study, run)
    else:
        st.info("No audit is open. The study’s owner opens one on this page.", icon=":material/info:")


def show_report(study: Study) -> None:
    """The downloads, made when they are asked for: they hold the verdicts of that moment."""
    st.caption(
        "What is proved and how: the sample’s design, verdicts, readers, versions, and what journals ask of a "
        "reference standard. Readers are numbered, not named."
    )
    with st.container(horizontal=True):
        for kind, mime in REPORT_KINDS.items():
            if kind == ".pdf" and not has_pdf():
                st.caption("For a PDF, install `overread[pdf]`, or print the HTML file.")
                continue
            st.download_button(
                f"Download as {kind[1:].upper()}",
                data=partial(report_file, study, kind, session.account()),
                file_name=f"{study.path.name}-audit{kind}",
                mime=mime,
                key=f"audit_report_{kind[1:]}",
                on_click="ignore",
            )


def report_file(study: Study, kind: str, actor: Actor | None) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"report{kind}"
        write_report(study, path, actor=actor)
        return path.read_bytes()


def show_steering(study: Study, run: Run | None, now: AuditNow) -> None:
    """What only the owner may do: what is read next, more of the sample, and another audit."""
    audit = now.audit
    st.header("What readers see next")
    show_failure("audit")
    num_left = audit_data.load_audit_unread(study)
    if num_left:
        st.caption(f"{counted(num_left, 'image')} of the sample wait to be read.")
    elif now.num_to_read:
        st.markdown("The sample is read, and not enough.")
        label = f"Show readers {now.num_to_read:,} more"
        st.button(label, type="primary", key="audit_more", on_click=attempt, args=("audit", _show_more, study))
    if study.protocol == Protocol.BLIND or not audit.run:
        why = "an order by probable errors would give the labels away" if audit.run else "there is no model to say more"
        until = " Readers label each image alone first until the audit ends." if audit.makes_blind else ""
        st.caption(f"The sample, in its random order: {why}.{until}")
    else:
        key = f"audit_next_{audit.opened_at}_{num_failures('audit')}"
        names = {each.value: text for each, text in NEXT.items()}
        st.radio(
            "Queue",
            list(names),
            index=list(names).index(audit.next_sample),
            format_func=names.__getitem__,
            captions=(
                "The sample comes first, in its order.",
                "Probable errors come first; the random part of the sample is spread among them.",
            ),
            key=key,
            label_visibility="collapsed",
            on_change=attempt,
            args=("audit", _choose_next, study, key),
        )
    with st.expander("End this audit, or draw another sample"):
        st.caption(
            "The sample leaves the queue; all verdicts stay. The report of a later audit says how many were set aside "
            "before, since each was a chance of its own to be misled."
        )
        st.button("End this audit", key="audit_end", on_click=attempt, args=("audit", _end, study))
        show_audit_form(study, run)


def _choose_next(study: Study, key: str) -> None:
    choose_next(study, NextSample(session.field_value(key) or NextSample.PROVE), actor=session.account())


def _show_more(study: Study) -> None:
    extend_sample(study, actor=session.account())


def _end(study: Study) -> None:
    end_audit(study, actor=session.account())


show_page()
