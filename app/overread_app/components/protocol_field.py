"""The choice of a study's protocol: what its readers see first."""

import streamlit as st

from overread.pipeline.configuring import configure
from overread.records import Protocol
from overread.studies.study import Study
from overread_app import session

PROTOCOLS = {
    Protocol.OPEN: "Open: the image with its labels",
    Protocol.BLIND: "Blind first: the image alone",
}
HELP = (
    "Blind first: a reader labels each image alone. That reading is locked; then the labels and the evidence appear, "
    "and the verdict follows. Slower, but no proposal sways the reading."
)


def ask_protocol(key: str) -> str:
    """The protocol of a study that is to be made."""
    return st.selectbox("Readers see first", list(PROTOCOLS), format_func=PROTOCOLS.__getitem__, key=key, help=HELP)


def show_protocol(study: Study) -> None:
    """A study's protocol, which its owner may change."""
    if not session.is_owner():
        st.markdown(f"Readers see first: {PROTOCOLS[Protocol(study.protocol)]}")
        return
    key = f"studies_protocol_{study.ledger_study}_{study.protocol}"
    chosen = st.selectbox(
        "Readers see first",
        list(PROTOCOLS),
        index=list(PROTOCOLS).index(Protocol(study.protocol)),
        format_func=PROTOCOLS.__getitem__,
        key=key,
        help=f"{HELP} Open pages ask to be reloaded when this changes.",
    )
    if chosen != study.protocol:
        configure(study, protocol=chosen, actor=session.account())
        st.rerun()
