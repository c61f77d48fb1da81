"""The app's one error boundary: what a person reads when something fails, and what the terminal's log keeps."""

import logging
import re
import secrets
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from core.errors import UserError

LOG = logging.getLogger("overread")

_WORD_JOINER = "\u2060"
_END_OF_LINE = re.compile(r"\s*[\r\n]\s*")
_MARKS = re.compile(r"[\\`*_{}\[\]()<>#+\-!|~$:&]|(?<=[0-9])\.")
_SPOTTED = re.compile(
    r"(?<=http)(?=s?://)|(?<=www)(?=\.)|(?=@\S)"  # an address, also of mail
    r"|(?<=:)(?=[^\s:]+:)"  # :smile: or :material/home:
    r"|(?<=(?<!\S)[-<>~])(?=(?:->|[->=])(?!\S))",  # -> or <= by itself
    re.IGNORECASE,
)
"""Places within what Streamlit's Markdown looks for in the text itself, after Markdown's own signs have been read."""


@contextmanager
def error_boundary() -> Iterator[None]:
    """Show what fails inside as a calm sentence, as `error_text` has it.

    Streamlit's own signals (rerun, stop) are no errors and pass through. The page is wrapped in it by
    streamlit_app.py; a fragment, which Streamlit reruns on its own, wraps itself. A button's callback runs before any
    page is drawn: it keeps `error_text` for the page to show.
    """
    try:
        yield
    except UserError as error:
        st.warning(plain_text(error_text(error)), icon=":material/info:")
    except Exception as error:
        st.error(error_text(error), icon=":material/error:")


def error_text(error: Exception) -> str:
    """What a person reads of an error: a UserError's own message, of anything else an id.

    The log gets the same id, the kind of error and the lines of code it passed, but not its message: that may name a
    file or quote a patient's data.
    """
    if isinstance(error, UserError):
        return str(error)
    error_id = secrets.token_hex(4)
    lines = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    LOG.error("error %s: %s\n  %s", error_id, type(error).__name__, "\n  ".join(lines))
    return (
        f"Something went wrong here. What was saved is safe. Reload the page to go on; if it happens again, "
        f"look for error {error_id} in the terminal that Overread runs in."
    )


def plain_text(text: str) -> str:
    """The text as Markdown that shows it as it is: for names and cells, which may be called anything.

    Markdown's signs are escaped. Streamlit makes links, icons, emoji and arrows of what was escaped, too: there a
    character without width keeps the parts asunder.
    """
    return _MARKS.sub(r"\\\g<0>", _SPOTTED.sub(_WORD_JOINER, _END_OF_LINE.sub(" ", text)))
