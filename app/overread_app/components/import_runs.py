"""The preview and the import that a session has running, each in a process of its own, and what came of them."""

import re
import secrets
from pathlib import Path
from typing import Any

import streamlit as st

from overread.errors import ConfigError, ManifestError, SourceError, UserError
from overread.records import Question
from overread_app import processes, session
from overread_app.boundary import error_boundary, plain_text, without_paths
from overread_app.components.flag_words import in_form_words
from overread_app.components.source_field import own_uploads
from overread_app.readable_roots import roots
from overread_app.uploads.desk import is_uploaded, remove_after

FAILED = "The import failed. Run it in a terminal to see why: overread import"
TERMINAL_HINT = "Run the same import in a terminal for details: overread import"
ANSWER_HINT = "Answer the question below, and preview again."
PREVIEW, IMPORT = "preview", "import"
Answers = tuple[str, ...]
"""The source, and the options of `import` that the form's fields make."""


def start_preview(answers: Answers) -> None:
    """Look at what an import would make of the source; nothing is written but the preview itself, for this session."""
    _start(PREVIEW, answers, "--dry-run", log_name=f".preview-{secrets.token_hex(4)}.log")


def start_first_preview(answers: Answers) -> bool:
    """Look at an upload that was just completed, without being asked. Returns whether it does."""
    if session.get("fresh_upload") is None or running():
        return False
    session.put("fresh_upload", None)
    start_preview(answers)
    return True


def start_import(answers: Answers, name: str, reading: Answers) -> None:
    """Import a source into a new folder beside the other studies. reading: the options that say how it is read. Raises
    UserError if the name is missing or taken."""
    if not name:
        raise UserError("Give the study a name.")
    folder = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "study"
    target = processes.DATA_PATH / folder
    if target.exists():
        raise UserError(f"There is already a study called {name!r}; choose another name.")
    made = ("--study", str(target), "--name", name, *reading)
    _start(IMPORT, answers, *made, log_name=f".import-{folder}.log")
    session.put("import_target", target)
    if uploads := own_uploads():
        remove_after(uploads, answers[0], session.get(f"{IMPORT}_process"))


def running() -> str:
    """PREVIEW or IMPORT, whichever runs; empty if neither does."""
    return next((kind for kind in (IMPORT, PREVIEW) if session.get(f"{kind}_process") is not None), "")


def preview_of(answers: Answers) -> dict[str, Any] | None:
    """The preview for exactly these answers, as `import --dry-run --json` prints it; None if there is none."""
    return _kept("preview", answers)


def refusal_of(answers: Answers) -> str | None:
    """Why the last preview or import with exactly these answers was refused; None if it was not."""
    return _kept("refusal", answers)


def questions_about(source: str, format: str) -> tuple[Question, ...]:
    """What the previews and imports of this source, as this format, asked. format: empty if it is recognised."""
    place, questions = session.get("questions", ("", ()))
    return questions if place == (source, format) else ()


@st.fragment(run_every=0.5)
def show_progress(kind: str) -> None:
    """The preview or import that runs; once it has ended, its outcome is kept and the page drawn again."""
    with error_boundary():
        process = session.get(f"{kind}_process")
        if process is None:
            return
        log = session.get(f"{kind}_log")
        status = process.poll()
        if status is None:
            fraction, message = processes.import_progress(log)
            title = "Importing" if kind == IMPORT else "Looking at the source"
            st.progress(fraction, text=f"{title}: {plain_text(message)}")
            if kind == PREVIEW and st.button("Stop", key="studies_stop_preview"):
                process.terminate()
                process.wait()
                _forget(kind)
                st.rerun()
            return
        answers = session.get(f"{kind}_answers")
        if status == 0 and kind == IMPORT:
            _keep_study(processes.result_of(log))
        elif status == 0:
            session.put("preview", (answers, processes.result_of(log)))
        else:
            question = processes.result_of(log).get("question")
            session.put("refusal", (answers, _refusal(processes.error_of(log), question) if status == 2 else FAILED))
            if question:
                _keep_question(answers, question)
        _forget(kind)
        st.rerun()


def _start(kind: str, answers: Answers, *options: str, log_name: str) -> None:
    # The process reads nothing outside of the roots, whatever a link or a cell says.
    within = [part for root in roots() for part in ("--within", str(root))]
    log = processes.DATA_PATH / log_name
    # What is unpacked for a preview may be too large for a temporary folder, which is often in memory.
    source = Path(answers[0])
    scratch = source.parent if is_uploaded(source) else None
    session.put("refusal", None)
    arguments, actor = [*answers, *options, *within], session.account()
    session.put(f"{kind}_process", processes.start_import(arguments, log=log, actor=actor, scratch=scratch))
    session.put(f"{kind}_log", log)
    session.put(f"{kind}_answers", answers)


def _forget(kind: str) -> None:
    session.get(f"{kind}_log").unlink(missing_ok=True)
    session.put(f"{kind}_process", None)


def _keep_study(summary: dict[str, Any]) -> None:
    session.add_study(session.get("import_target"))
    session.put("num_imports", session.get("num_imports", 0) + 1)
    session.put("import_outcome", summary)
    for name in ("preview", "refusal", "questions"):
        session.put(name, None)


def _refusal(error: str, question: dict[str, Any] | None) -> str:
    """What the page says of a refused import; a question that was asked stands by itself below."""
    reason = in_form_words(without_paths(error)).rstrip(".")
    is_vague = any(kind.gist[1:].rstrip(".") in reason for kind in (SourceError, ManifestError, ConfigError))
    if not question:
        return f"{reason}. {TERMINAL_HINT}" if is_vague else f"{reason}."
    others = "" if is_vague else reason.replace(question["text"].rstrip("."), "").strip(" .")
    return f"{others}. {ANSWER_HINT}" if others else ANSWER_HINT


def _keep_question(answers: Answers, asked: dict[str, Any]) -> None:
    source, *options = answers
    format = options[1] if options[:1] == ["--format"] else ""
    choices = tuple((str(answer), int(number)) for answer, number in asked["choices"])
    question = Question(asked["field"], asked["text"], choices)
    others = (each for each in questions_about(source, format) if each.field != question.field)
    session.put("questions", ((source, format), (*others, question)))


def _kept(name: str, answers: Answers) -> Any:
    of, value = session.get(name, ((), None))
    return value if of == answers else None
