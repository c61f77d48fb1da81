"""What was asked for in a callback and failed: the page that is drawn next says why.

An exception that leaves a callback would be shown as a trace, in place of the page.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from overread_app import session
from overread_app.boundary import error_text, plain_text


def attempt(place: str, act: Callable[..., object], *arguments: Any) -> None:
    """Do it, in a callback. Where it fails, `show_failure` of that place says why."""
    try:
        act(*arguments)
    except Exception as error:
        session.put(f"failure_{place}", error_text(error))
        session.put(f"num_failures_{place}", num_failures(place) + 1)
    else:
        session.put(f"failure_{place}", None)


def num_failures(place: str) -> int:
    """For the key of a field whose change may fail: it is another field then, with the value that holds."""
    return int(session.get(f"num_failures_{place}", 0))


def show_failure(place: str, *, lasts: bool = False) -> None:
    """Why the last attempt failed; once, or, where the page redraws itself, until the next attempt."""
    if text := session.get(f"failure_{place}"):
        if not lasts:
            session.put(f"failure_{place}", None)
        st.error(plain_text(text))
