"""The app's error boundary: the message that a page shows when something fails, and the terminal's log."""

import json
import logging
import os
import re
import secrets
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from overread.errors import UserError
from overread_app import processes
from overread_app.processes import STUDIES_VARIABLE
from overread_app.readable_roots import ROOTS_VARIABLE
from overread_app.words.catalogue import ENGLISH, Words
from overread_app.words.worded_error import reader_text

_PATH_START = re.compile(r"(?<![\w./:~])(?:[a-z][a-z0-9+.-]*:/{0,3}|~)?/(?=[^\s/])", re.IGNORECASE)
"""A path from the root or the home, or a URL, up to the slash before its first name."""
_QUOTES = ("'", '"', "`")
_NEVER = r"(?!)"
_OWN_FILES = (
    *("samples.csv", "source.csv", "quarantine.csv", "study.json", "key", "review.db", "ledger.json", "pixels"),
    *("config.json", "scores.csv", "trace.npz", "evidence.npz", "embeddings.npy", "checksums.json", "choice.json"),
    *("comparison.json", "refinement.json", "contradicted_groups.json", "error_range.npz"),
    *("model.safetensors", "pretrained.safetensors"),
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
"""Places within what Streamlit's Markdown recognises in plain text, besides Markdown's own signs."""


@contextmanager
def error_boundary(words: Words = ENGLISH) -> Iterator[None]:
    """Show an exception raised inside as a message, the one of `error_text`.

    Streamlit's own signals (rerun, stop) pass through. streamlit_app.py wraps the page in it; a fragment, which
    Streamlit reruns on its own, wraps itself. A button's callback runs before the page is drawn, and stores
    `error_text` for the page to show.
    """
    try:
        yield
    except UserError as error:
        st.warning(plain_text(error_text(error, words)), icon=":material/info:")
    except Exception as error:
        st.error(error_text(error, words), icon=":material/error:")


def error_text(error: Exception, words: Words = ENGLISH) -> str:
    """The message to show for an error: that of the catalogue, a UserError's own, or an id for any other error.

    The log gets the same id, the type of the error and its traceback, but not its message, which may name a file or
    quote a patient's data.
    """
    if text := reader_text(error, words):
        return text
    if isinstance(error, UserError):
        return without_paths(str(error))
    error_id = secrets.token_hex(4)
    lines = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    LOG.error("error %s: %s\n  %s", error_id, type(error).__name__, "\n  ".join(lines))
    return words("error.unexpected", id=error_id)


def without_paths(text: str) -> str:
    """A message without this machine's paths, which no page shows.

    A study's folder is replaced by its name, one of its own files by the file's name, other paths within it by "the
    study's files", and any other path by an ellipsis. In a command (between backticks) a study's folder is STUDY.
    """
    studies, others = _study_folders(), _other_folders()
    folders = sorted({*studies, *others}, key=len, reverse=True)
    parts, done = [], 0
    while start := _PATH_START.search(text, done):
        begin = start.end() - 1
        known = next((folder for folder in folders if _begins_with(text, folder, begin)), "")
        end = _path_end(text, start.start(), begin + max(len(known), 1))
        is_command = text.count("`", 0, begin) % 2 == 1
        parts += [text[done : start.start()], _replacement(Path(text[begin:end]), studies, is_command=is_command)]
        done = end
    return "".join([*parts, text[done:]])


def _replacement(path: Path, studies: set[str], *, is_command: bool) -> str:
    """The text that replaces a path on a page."""
    if str(path) in studies:
        return "STUDY" if is_command else path.name
    if any(path.is_relative_to(study) for study in studies):
        return path.name if path.name in _OWN_FILES else "the study's files"
    return "…"


def _begins_with(text: str, folder: str, start: int) -> bool:
    """Whether that folder, and not one with a longer name, begins at this position."""
    after = text[start + len(folder) : start + len(folder) + 2]
    return text.startswith(folder, start) and not re.match(r"[\w-]|\.\w", after)


def _path_end(text: str, start: int, end: int) -> int:
    """Where a path ends that begins at `start` and extends to `end` at least; its names may contain spaces.

    Within this part of the message, it ends at the suffix of a file name after the last slash, or at the next space:
    rather a word too many than a part of a name.
    """
    opening = text[start - 1 : start]
    found = re.compile(rf"{re.escape(opening) if opening in _QUOTES else _NEVER}|[`\n]|: |; | \(").search(text, end)
    stop = found.start() if found else len(text)
    other = _PATH_START.search(text, end, stop)
    span = text[end : other.start() if other else stop]
    if "/" not in span and text[end - 1] != "/":
        return end
    name = span.rpartition("/")[2]
    suffix = re.search(r"\.\w{1,5}(?!\w)", name)
    length = suffix.end() if suffix else len(re.split(r"[\s,]", name, maxsplit=1)[0])
    path = span[: len(span) - len(name) + length]
    return end + len(path.rstrip(".,:;)"))


def _study_folders() -> set[str]:
    """The folders of the studies that the server shows, and of those made here."""
    named = json.loads(os.environ.get(STUDIES_VARIABLE) or "[]")
    made = [path for folder in (processes.DATA_PATH, processes.DEMO_PATH) for path in folder.glob("[!.]*")]
    return {*named, *(str(path) for path in made if path != processes.DEMO_PATH)}


def _other_folders() -> set[str]:
    """Other folders that messages may name, whose names may contain spaces."""
    places = [*json.loads(os.environ.get(ROOTS_VARIABLE) or "[]"), str(Path.home()), tempfile.gettempdir()]
    return {place for place in places if len(place) > 1}


def plain_text(text: str) -> str:
    """The text escaped for Markdown, so that it is shown literally: for names and cells, which may contain anything.

    Markdown's signs are escaped. Streamlit also makes links, icons, emoji and arrows of escaped text: there a
    zero-width character separates the parts.
    """
    return _MARKS.sub(r"\\\g<0>", _SPOTTED.sub(_WORD_JOINER, _END_OF_LINE.sub(" ", text)))
