"""The reader's name: asked for once; a browser tab remembers it across reloads, until it is closed.

Not for longer: at a shared workstation the next person must not review under this one's name. A name gets a short code
when it is first used in a study, and a new browser must give that code to use the name.
"""

import time
from pathlib import Path
from typing import Any

import streamlit as st

from overread.errors import LedgerFaultError, UserError
from overread.review import reader_codes
from overread.studies.study import Study
from overread_app import session, study_data
from overread_app.boundary import error_text, plain_text
from overread_app.words.worded_error import WordedError

_memory = st.components.v2.component("overread_reader", js=(Path(__file__).parent / "reader.js").read_text())
_READER = "overread.reader"
"""The key under which the tab stores the reader."""
WRONG_CODE_S = 1.0
"""The delay after a wrong code, so that codes cannot be guessed quickly."""
RETRIED_S = 3
"""The time after which a ledger that cannot be reached is asked again."""


def ask_reader(study: Study) -> None:
    """The form for the name. After a reload the tab answers it, and in another study the session."""
    if not session.get("is_changing_reader"):
        _recall(study)
        if session.get("waiting_reader"):
            _await_ledger(study)
            return
    with st.container(key="review_reader"):
        asked, words = session.get("code_asked_for"), session.words()
        st.header(words("reader.who") if asked is None else words("reader.are_you", name=plain_text(asked)))
        with st.form("review_reader_form", border=False):
            if asked is None:
                st.markdown(words("reader.name_text"))
                st.text_input(words("reader.name"), key="review_reader_name", max_chars=session.MAX_READER_LENGTH)
            else:
                st.markdown(words("reader.code_text"))
                st.text_input(words("reader.code"), key="review_reader_code", max_chars=12)
            if problem := session.get("reader_problem"):
                st.caption(problem)
            give = _give_name if asked is None else _give_code
            st.form_submit_button(words("reader.start"), type="primary", on_click=give, args=(study,))
        if asked is not None:
            st.button(words("reader.other_name"), type="tertiary", key="review_reader_other", on_click=_ask_name)
        elif name := session.reader_name():
            stay = words("reader.stay", name=plain_text(name))
            st.button(stay, type="tertiary", key="review_reader_stay", on_click=_end_asking)


@st.fragment(run_every=RETRIED_S)
def _await_ledger(study: Study) -> None:
    """The tab knows the name, and the ledger cannot be asked whether it is theirs: ask again until it can."""
    words = session.words()
    with st.container(key="review_reader"):
        if waiting := session.get("waiting_reader"):
            _set(study, *waiting, is_recalled=True)
        if not session.get("waiting_reader"):
            st.rerun()
        st.header(plain_text(session.get("waiting_reader")[0]))
        st.markdown(words("reader.waiting", problem=session.get("reader_problem", "").rstrip(".")))
        st.button(words("reader.other_name"), type="tertiary", key="review_reader_other", on_click=_ask_name)


def show_code() -> None:
    """The code of a new name, until it is dismissed."""
    words = session.words()
    if code := session.get("code_to_show"):
        with st.container(border=True, key="review_code"):
            text, button = st.columns([4, 1], vertical_alignment="center")
            text.caption(words("reader.your_code", code=f"{code[:3]} {code[3:]}"))
            button.button(words("reader.done"), key="review_code_noted", type="tertiary", on_click=_dismiss_code)


def _dismiss_code() -> None:
    session.put("code_to_show", None)


def remember_reader() -> None:
    """Store the name and its code in the browser tab; not where people sign in."""
    if session.is_served():
        return
    reader = {"name": session.reader_name(), "code": session.get("reader_code", "")}
    _told("review_remember", {"slot": _READER, "value": reader})


def remember_owner() -> None:
    """Store in the browser tab that it is the owner's, since only the first page's address says so."""
    told = _told("frame_owner", {"slot": "overread.owner", "value": session.owner_token()})
    if told and not session.is_owner():
        session.claim_ownership(told)
        if session.is_owner():
            st.rerun()


def change_reader() -> None:
    """Ask for the name again, for another person."""
    session.put("is_changing_reader", True)


def is_asking() -> bool:
    return not session.is_served() and (not session.reader_name() or bool(session.get("is_changing_reader")))


def _end_asking() -> None:
    for name in ("reader_problem", "is_changing_reader", "code_asked_for"):
        session.put(name, None)


def _ask_name() -> None:
    for name in ("code_asked_for", "reader_problem", "waiting_reader"):
        session.put(name, None)


def _give_name(study: Study) -> None:
    _set(study, session.field_value("review_reader_name") or "")


def _give_code(study: Study) -> None:
    _set(study, session.get("code_asked_for", ""), session.field_value("review_reader_code") or "")


def _recall(study: Study) -> None:
    """Set the reader whom the session had in another study, or whom the tab remembers: once, for that name may be
    another person's here."""
    told = _told("review_recall", {"slot": _READER}) or {}
    if name := session.get("recalled_reader"):
        _set(study, name, session.get("reader_code", ""), is_recalled=True)
        session.put("recalled_reader", None)
    elif told and session.get("tried_reader") != (study.path, told):
        _set(study, told.get("name") or "", told.get("code") or "", is_recalled=True)
        session.put("tried_reader", (study.path, told))
    if session.reader_name():
        st.rerun()


def _told(key: str, data: dict[str, Any]) -> Any:
    """What the tab's memory tells through the component of that key; None where it tells nothing.

    It is asked for whenever the page is drawn, and not left to a callback: one that another request interrupts, such as
    that of the tab's other memory, ends half-way and is not called again.
    """
    return _memory(key=key, data=data, on_recalled_change=lambda: None).recalled


def _set(study: Study, name: str, code: str = "", *, is_recalled: bool = False) -> None:
    """Set the reader if the code is right or the name is new; else ask for the code. is_recalled: the name and code
    are remembered, and are kept where the ledger cannot be asked."""
    words = session.words()
    for state in ("reader_problem", "waiting_reader"):
        session.put(state, None)
    try:
        name = session.checked_name(name)
        if session.is_account(name):
            raise WordedError("reader.is_account")
        ledger = study_data.ledger(study)
        if not reader_codes.has_code(ledger, name):
            code = reader_codes.claim_name(ledger, name, code)
            session.put("code_to_show", code)
        elif not reader_codes.is_right_code(ledger, name, code):
            session.put("code_asked_for", name)
            if code:
                time.sleep(WRONG_CODE_S)
                session.put("reader_problem", words("reader.wrong_code"))
            return
    except UserError as error:
        if is_recalled and isinstance(error, LedgerFaultError):
            session.put("waiting_reader", (name, code))
        session.put("reader_problem", plain_text(error_text(error, words)))
    else:
        session.set_reader(name, code)
        _end_asking()
