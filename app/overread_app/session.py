"""What one browser session has chosen: the only place that touches `st.session_state`."""

import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from overread.errors import UserError
from overread.studies.run import Run, default_run, find_runs
from overread.studies.study import Study, open_study
from overread_app import study_data
from overread_app.boundary import without_paths
from overread_app.processes import DATA_PATH, DEMO_NAMES, DEMO_PATH, OWNER_VARIABLE, STUDIES_VARIABLE

MAX_READER_LENGTH = 60
DAMAGED = "One of its files is missing or damaged; restore the study from a backup"


@dataclass(frozen=True, slots=True)
class UnreadableStudy:
    """A study that cannot be opened."""

    path: Path
    name: str
    reason: str
    """In words, without a path."""


def studies() -> list[Study]:
    """The studies that this session may open: those the server was started with, then those made here.

    One that cannot be opened is left out, and named by `unreadable_studies`.
    """
    return [study for study in _opened() if isinstance(study, Study)]


def unreadable_studies() -> list[UnreadableStudy]:
    """The studies that cannot be opened."""
    return [study for study in _opened() if isinstance(study, UnreadableStudy)]


def _opened() -> list[Study | UnreadableStudy]:
    named = os.environ.get(STUDIES_VARIABLE)
    paths = [Path(path) for path in json.loads(named)] if named else [DEMO_PATH / name for name in DEMO_NAMES]
    if not named:
        paths += sorted(path.parent for path in DATA_PATH.glob("*/study.json"))
    paths += get("made_studies", ())
    paths = list(dict.fromkeys(path.resolve() for path in paths))
    return [_open(path) for path in paths if named or (path / "study.json").exists()]  # the demo may not be made yet


def _open(path: Path) -> Study | UnreadableStudy:
    """The study, if it can be opened, with what no page can do without: its key, its samples, the list of its runs."""
    try:
        study = open_study(path)
        study.key()
        find_runs(study)
        study_data.check_samples(study)
    except UserError as error:
        return UnreadableStudy(path, _written_name(path), without_paths(str(error)))
    except Exception as error:  # one study must not take the others with it
        return UnreadableStudy(path, _written_name(path), f"{DAMAGED} ({type(error).__name__})")
    return study


def _written_name(path: Path) -> str:
    """The name that study.json gives a study, as far as it can be read; else that of its folder."""
    try:
        name = json.loads((path / "study.json").read_text(encoding="utf-8"))["name"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        name = None
    return name if isinstance(name, str) and name else path.name


def shows_demo() -> bool:
    """Whether this server was started without naming a study, and so shows the demo."""
    return not os.environ.get(STUDIES_VARIABLE)


def put(name: str, value: object) -> None:
    """Keep something for this session alone: a process that a page started, a filter. None forgets it."""
    st.session_state[f"session_{name}"] = value


def get(name: str, default: Any = None) -> Any:
    """What this session keeps under that name; the default where it keeps nothing."""
    value = st.session_state.get(f"session_{name}")
    return default if value is None else value


def field_value(key: str) -> str | None:
    """What stands in the text field of that key; None where the page has no such field."""
    return st.session_state.get(key)


def add_study(path: Path) -> None:
    """List a study that this session has made, and choose it."""
    put("made_studies", (*get("made_studies", ()), path))
    choose_study(path)


def current_study() -> Study | None:
    """The chosen study; before any choice the first with a finished run, else the first; None if there is none."""
    chosen, found = get("study"), studies()

    def is_meant(study: Study) -> bool:
        # After a reload the session is another, and the page's address tells.
        return study.path == chosen if chosen else st.query_params.get("study") == _address(study.path)

    study = next(filter(is_meant, found), None)
    if study is None:
        study = next((study for study in found if any(run.is_finished for run in find_runs(study))), None)
    if study is not None:
        choose_study(study.path)
        return study
    return found[0] if found else None


def choose_study(path: Path) -> None:
    """Make a study the current one; the run then is its `default_run`."""
    path = Path(path).resolve()
    if get("study") != path:
        if get("study") is not None:
            # The name may be somebody else's there.
            put("recalled_reader", get("reader"))
            put("reader", None)
        put("study", path)
        put("run", None)
    if st.query_params.get("study") != _address(path):
        st.query_params["study"] = _address(path)


def _address(path: Path) -> str:
    """Names a study in the page's address, and tells nothing of where it lies."""
    return hashlib.sha256(str(path).encode()).hexdigest()[:8]


def current_run() -> Run | None:
    """The chosen finished run of the current study, or its `default_run`; None if there is none."""
    study = current_study()
    if study is None:
        return None
    chosen = get("run")
    return next((run for run in find_runs(study) if run.is_finished and run.name == chosen), default_run(study))


def choose_run(name: str) -> None:
    """Make a finished run of the current study the one that pages show."""
    put("run", name)


def reader_name() -> str:
    """The name that the person at this browser gave; empty before."""
    return get("reader", "")


def checked_name(name: str) -> str:
    """A reader's name as it is kept. Raises UserError if it is empty or too long."""
    name = " ".join(name.split())
    if not name:
        raise UserError("Please enter a name: it appears with every verdict in the exported table.")
    if len(name) > MAX_READER_LENGTH:
        raise UserError(f"The name is longer than {MAX_READER_LENGTH} characters; please give a shorter one.")
    return name


def set_reader(name: str, code: str) -> None:
    """Keep who reads in this session, once the code was found to be that name's."""
    put("reader", name)
    put("reader_code", code)


def is_owner() -> bool:
    """Whether this browser is of the person who started the server: the address that the terminal shows says so."""
    claim_ownership(st.query_params.get("owner", ""))
    return bool(get("is_owner", False))


def claim_ownership(token: str) -> None:
    """Make this session the owner's, if the token is the server's."""
    if token and hmac.compare_digest(token.encode(), os.environ.get(OWNER_VARIABLE, "").encode()):
        put("is_owner", True)


def owner_token() -> str:
    """What the owner's tab remembers; empty in anybody else's."""
    return os.environ.get(OWNER_VARIABLE, "") if is_owner() else ""
