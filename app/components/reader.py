"""Who is reading: asked once; a browser tab remembers the name over a reload, and forgets it when it is closed.

Not for longer: at a shared workstation the next person must not read under this one's name.
"""

from pathlib import Path

import streamlit as st

from app import session
from app.boundary import plain_text
from core.errors import UserError

_memory = st.components.v2.component("overread_reader", js=(Path(__file__).parent / "reader.js").read_text())


def ask_reader() -> None:
    """The form. The tab's memory answers it after a reload."""
    if not session.kept("is_changing_reader"):
        _memory(key="review_recall", data={"name": ""}, on_recalled_change=_recall)
    with st.container(key="review_reader"):
        st.subheader("Who is reading?")
        st.markdown("Your name stands beside each of your verdicts in the exported table. It is asked once.")
        with st.form("review_reader_form", border=False):
            st.text_input("Name", key="review_reader_name", max_chars=session.MAX_READER_LENGTH)
            if problem := session.kept("reader_problem"):
                st.caption(problem)
            st.form_submit_button("Start reading", type="primary", on_click=_give_name)
        if name := session.reader_name():
            st.button(f"Go on as {plain_text(name)}", type="tertiary", key="review_reader_stay", on_click=_end_asking)


def remember_reader(name: str) -> None:
    """Have the tab remember the name."""
    _memory(key="review_remember", data={"name": name})


def change_reader() -> None:
    """Ask again: another person sits down."""
    session.keep("is_changing_reader", True)


def is_asking() -> bool:
    return not session.reader_name() or bool(session.kept("is_changing_reader"))


def _end_asking() -> None:
    session.keep("reader_problem", None)
    session.keep("is_changing_reader", None)


def _give_name() -> None:
    _set(session.typed("review_reader_name") or "")


def _recall() -> None:
    recalled = session.typed("review_recall")
    if recalled and not session.reader_name():
        _set(recalled.get("recalled") or "")


def _set(name: str) -> None:
    try:
        session.set_reader(name)
    except UserError as error:
        session.keep("reader_problem", str(error))
    else:
        _end_asking()
