"""The app's one error boundary: what a person reads when something fails, and what the terminal's log keeps."""

import json
import logging
import os
import re
import secrets
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from app.processes import DATA_PATH, STUDIES_VARIABLE
from app.roots import ROOTS_VARIABLE
from core.errors import UserError

_PATH = re.compile(r"(?<![\w./])~?(?:/[^\s/:;,'\"()`]+)+/?")
_OWN_FILES = (
    *("samples.csv", "source.csv", "quarantine.csv", "study.json", "key", "review.db", "ledger.json", "pixels"),
    *("config.json", "scores.csv", "trace.npz", "evidence.npz", "embeddings.npy", "checksums.json", "choice.json"),
    *("comparison.json", "model.safetensors"),
)
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
        return without_paths(str(error))
    error_id = secrets.token_hex(4)
    lines = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    LOG.error("error %s: %s\n  %s", error_id, type(error).__name__, "\n  ".join(lines))
    return (
        f"Something went wrong here. Reload the page to go on; if it happens again, look for error {error_id} in the "
        "terminal that Overread runs in."
    )


def without_paths(text: str) -> str:
    """A message without the paths of this machine, which no page shows: of a study's folder stays STUDY, of one of its
    own files the name, of anything else an ellipsis."""
    for folder in sorted(_known_folders(), key=len, reverse=True):
        text = text.replace(f"{folder}/", "/./").replace(folder, "STUDY")
    return _PATH.sub(lambda match: name if (name := match[0].rpartition("/")[2]) in _OWN_FILES else "…", text)


def _known_folders() -> list[str]:
    """Folders that messages may name, and whose names may hold blanks."""
    named = [path for name in (STUDIES_VARIABLE, ROOTS_VARIABLE) for path in json.loads(os.environ.get(name) or "[]")]
    return [*named, str(DATA_PATH), str(Path.home())]


def plain_text(text: str) -> str:
    """The text as Markdown that shows it as it is: for names and cells, which may be called anything.

    Markdown's signs are escaped. Streamlit makes links, icons, emoji and arrows of what was escaped, too: there a
    character without width keeps the parts asunder.
    """
    return _MARKS.sub(r"\\\g<0>", _SPOTTED.sub(_WORD_JOINER, _END_OF_LINE.sub(" ", text)))
