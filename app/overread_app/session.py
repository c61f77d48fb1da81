"""The state of one browser session: the only place that uses `st.session_state`."""

import hashlib
import hmac
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from overread.errors import UserError
from overread.review.accounts import Accounts
from overread.review.ledger import Ledger
from overread.review.roles import Action, Actor, require
from overread.studies.run import Run, default_run, find_runs
from overread.studies.study import Study, open_study
from overread_app import study_data
from overread_app.boundary import without_paths
from overread_app.processes import DATA_PATH, DEMO_NAMES, DEMO_PATH, OWNER_VARIABLE, STUDIES_VARIABLE
from overread_app.serving import SERVED_VARIABLE
from overread_app.sign_in.gate import SESSION_COOKIE, sign_ins
from overread_app.words.catalogue import LANGUAGE_COOKIE, LANGUAGES, Words, language_of, words_in
from overread_app.words.worded_error import WordedError

MAX_READER_LENGTH = 60
DAMAGED = "One of its files is missing or damaged; restore the study from a backup"


@dataclass(frozen=True, slots=True)
class UnreadableStudy:
    """A study that cannot be opened."""

    path: Path
    name: str
    reason: str
    """A message without a path."""


def studies() -> list[Study]:
    """The studies that this session may open: those the server was started with, then those made here; of them, those
    that a signed-in reader was given.

    Those that cannot be opened are in `unreadable_studies` instead.
    """
    found = [study for study in _opened() if isinstance(study, Study)]
    return [study for study in found if actor().may_open(study.ledger_study)] if is_served() else found


def unreadable_studies() -> list[UnreadableStudy]:
    """The studies that cannot be opened; where people sign in, only the owner is told."""
    return [] if not may_manage() else [study for study in _opened() if isinstance(study, UnreadableStudy)]


def served_paths(made: Iterable[Path] = ()) -> list[Path]:
    """The folders of the studies that this server was started with, or shows by default; then those of `made`."""
    named = os.environ.get(STUDIES_VARIABLE)
    paths = [Path(path) for path in json.loads(named)] if named else [DEMO_PATH / name for name in DEMO_NAMES]
    if not named:
        paths += sorted(path.parent for path in DATA_PATH.glob("*/study.json"))
    paths = list(dict.fromkeys(path.resolve() for path in [*paths, *made]))
    return [path for path in paths if named or (path / "study.json").exists()]  # the demo may not be made yet


def _opened() -> list[Study | UnreadableStudy]:
    return [_open(path) for path in served_paths(get("made_studies", ()))]


def _open(path: Path) -> Study | UnreadableStudy:
    """The study, if its study.json, its key, its samples and the list of its runs can be read."""
    try:
        study = open_study(path)
        study.key()
        find_runs(study)
        study_data.check_samples(study)
    except UserError as error:
        return UnreadableStudy(path, _written_name(path), without_paths(str(error)))
    except Exception as error:  # one study must not make the others fail
        return UnreadableStudy(path, _written_name(path), f"{DAMAGED} ({type(error).__name__})")
    return study


def _written_name(path: Path) -> str:
    """The study's name in study.json, if that can be read; else its folder's."""
    try:
        name = json.loads((path / "study.json").read_text(encoding="utf-8"))["name"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        name = None
    return name if isinstance(name, str) and name else path.name


def shows_demo() -> bool:
    """Whether this server was started without a study on this machine alone, and so makes and shows the demo."""
    return not (os.environ.get(STUDIES_VARIABLE) or is_served())


def put(name: str, value: object) -> None:
    """Store a value in this session, such as a process or a filter. None deletes it."""
    st.session_state[f"session_{name}"] = value


def get(name: str, default: Any = None) -> Any:
    """The value that this session has stored under that name, or the default."""
    value = st.session_state.get(f"session_{name}")
    return default if value is None else value


def field_value(key: str) -> str | None:
    """The value of the input field with that key; None where the page has no such field."""
    return st.session_state.get(key)


def add_study(path: Path) -> None:
    """Add a study that this session has made, and make it the current one."""
    put("made_studies", (*get("made_studies", ()), path))
    choose_study(path)


def current_study() -> Study | None:
    """The chosen study; by default the first with a finished run, else the first; None if there is none."""
    chosen, found = get("study"), studies()

    def is_meant(study: Study) -> bool:
        # After a reload the session is new, and the page's address names the study.
        return study.path == chosen if chosen else st.query_params.get("study") == study_address(study.path)

    study = next(filter(is_meant, found), None) or _first_finished(found)
    if study is not None:
        choose_study(study.path)
        return study
    return found[0] if found else None


def first_study(address: str, reader: Actor | None = None) -> Study | None:
    """The study that a new session opens at a page's address, among those that this server was started with. reader:
    whose studies alone count."""
    found = [study for study in map(_open, served_paths()) if isinstance(study, Study)]
    found = [study for study in found if reader is None or reader.may_open(study.ledger_study)]
    named = next((study for study in found if study_address(study.path) == address), None)
    return named or _first_finished(found) or next(iter(found), None)


def _first_finished(found: Iterable[Study]) -> Study | None:
    return next((study for study in found if any(run.is_finished for run in find_runs(study))), None)


def choose_study(path: Path) -> None:
    """Make a study the current one; the run then is its `default_run`."""
    path = Path(path).resolve()
    if get("study") != path:
        if get("study") is not None:
            # There the name may be somebody else's.
            put("recalled_reader", get("reader"))
            put("reader", None)
        put("study", path)
        put("run", None)
    if st.query_params.get("study") != study_address(path):
        st.query_params["study"] = study_address(path)


def study_address(path: Path) -> str:
    """Identifies a study in the page's address, without revealing its path."""
    return hashlib.sha256(str(path).encode()).hexdigest()[:8]


def current_run() -> Run | None:
    """The chosen finished run of the current study, or its `default_run`; None if there is none."""
    study = current_study()
    if study is None:
        return None
    chosen = get("run")
    return next((run for run in find_runs(study) if run.is_finished and run.name == chosen), default_run(study))


def choose_run(name: str) -> None:
    """Make a finished run of the current study the one that the pages show."""
    put("run", name)


def is_served() -> bool:
    """Whether people sign in; else the app is this machine's own, and a reader types a name."""
    return bool(os.environ.get(SERVED_VARIABLE))


def signed_in() -> Actor | None:
    """Who has signed in, by their account as it is now; None where nobody has, or the session has ended."""
    return sign_ins().actor(st.context.cookies.get(SESSION_COOKIE, ""))


def actor() -> Actor:
    """Who has signed in. Raises WordedError where the session has ended."""
    found = signed_in()
    if found is None:
        raise WordedError("sign_in.ended")
    return found


def account() -> Actor | None:
    """For whom this session acts on a study: who signed in; None where nobody does."""
    return actor() if is_served() else None


def may_manage() -> bool:
    """Whether this session may import, train and export: the owner, where people sign in."""
    return not is_served() or actor().may(Action.MANAGE)


def require_management() -> None:
    """Raises NotAllowedError unless this session may import, train and export."""
    require(account(), Action.MANAGE)


def require_studies() -> None:
    """Raises WordedError for a reader who was given no study, and can make none."""
    if not may_manage() and not studies():
        raise WordedError("sign_in.no_study")


def may_see_others() -> bool:
    """Whether this session may see what follows from other readers' verdicts."""
    return not is_served() or actor().may(Action.SEE_OTHERS)


def ledger(study: Study) -> Ledger:
    """A study's ledger: where people sign in, it shows and takes what their account allows."""
    found, reader = study_data.ledger(study), account()
    return found if reader is None else found.acting(reader)


def reader_name() -> str:
    """The reader's name in this session: the account's, where people sign in; empty before one was given."""
    return actor().name if is_served() else get("reader", "")


def checked_name(name: str) -> str:
    """A reader's name with normalised spaces. Raises UserError if it is empty or too long."""
    name = " ".join(name.split())
    if not name:
        raise WordedError("reader.no_name")
    if len(name) > MAX_READER_LENGTH:
        raise WordedError("reader.long_name", number=MAX_READER_LENGTH)
    return name


def is_account(name: str) -> bool:
    """Whether a name is that of an account: who types it has not signed in."""
    return Accounts.open().has(name)


def set_reader(name: str, code: str) -> None:
    """Set this session's reader, after the code of the name was checked."""
    put("reader", name)
    put("reader_code", code)


def words() -> Words:
    """The catalogue in the reader's language: the one that they chose in this browser, else the browser's own."""
    chosen = chosen_language() or st.context.cookies.get(LANGUAGE_COOKIE)
    return words_in(chosen if chosen in LANGUAGES else language_of(st.context.locale))


def chosen_language() -> str:
    """The language that the reader chose in this session; empty before they did."""
    return get("language", "")


def choose_language(language: str) -> None:
    """Have the pages for reading speak one of LANGUAGES."""
    put("language", language)


def is_owner() -> bool:
    """Whether this browser is the owner's: who opened the address that the terminal showed, or signed in as one."""
    if is_served():
        return may_manage()
    claim_ownership(st.query_params.get("owner", ""))
    return bool(get("is_owner", False))


def claim_ownership(token: str) -> None:
    """Make this session the owner's, if the token is right; where people sign in, no token is."""
    if token and not is_served() and hmac.compare_digest(token.encode(), os.environ.get(OWNER_VARIABLE, "").encode()):
        put("is_owner", True)


def owner_token() -> str:
    """The token for the owner's tab to remember; empty in any other session."""
    return os.environ.get(OWNER_VARIABLE, "") if is_owner() and not is_served() else ""
