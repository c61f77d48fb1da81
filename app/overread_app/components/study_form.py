"""The form that creates a study from a source, and the progress of the import."""

import json
import re
from pathlib import Path

import streamlit as st

from overread.errors import UserError
from overread.sources import registry
from overread_app import processes, session
from overread_app.boundary import error_boundary, error_text, plain_text, without_paths
from overread_app.components.format_fields import ask_format, recognised
from overread_app.components.wording import counted
from overread_app.readable_roots import roots, typed_path

FAILED = "The import failed. Run it in a terminal to see why: overread import"
TERMINAL_HINT = "Run the same import in a terminal for details: overread import"


def show_study_form() -> None:
    """Ask for a source; while an import runs, show its progress, and then its outcome.

    The fields stay while it runs, so that what was typed can still be corrected.
    """
    show_outcome()
    source = st.text_input(
        "Folder or file on this machine",
        key=f"{form_key()}_source",
        placeholder="/data/chest or /data/chest/labels.csv",
        help=f"Or {'; or '.join(form.download.explanation for form in registry.FORMATS if form.download)}",
    ).strip()
    named = registry.named_dataset(source)
    path = checked_path(source) if source and not named else None
    suggested = source.removeprefix(named.download.prefix) if named and named.download else path.stem if path else ""
    left, right = st.columns(2)
    name = left.text_input("Name of the study", key=f"{form_key()}_name", placeholder=suggested).strip()
    chosen = right.selectbox("Format", list(titles()), key=f"{form_key()}_format", format_func=titles().__getitem__)
    format = named or registry.find_format(chosen) or (recognised(path) if path else None)
    arguments, is_refused = ["--format", chosen] if chosen else [], False
    try:
        arguments += ask_format(format, path, key=form_key()) if format else []
    except UserError as error:  # of a labels file that may not be read
        is_refused = True
        st.warning(plain_text(error_text(error)), icon=":material/info:")
    st.caption(
        "The images are copied into the study, on this machine."
        if format and format.write_images
        else "The images stay where they are. For training, the study keeps a small copy of each on this machine."
    )
    if session.get("import_process") is not None:
        show_import()
    elif st.button("Import", key=f"{form_key()}_import", type="primary", disabled=is_refused or not (path or named)):
        start_import(source, name or suggested, arguments)
        st.rerun()


def form_key() -> str:
    """What the keys of the form's fields begin with; a new one after each import, so that the next form is empty."""
    return f"studies_form_{session.get('num_imports', 0)}"


def checked_path(source: str) -> Path | None:
    """The path that was typed; None, with a warning, if it may not be read."""
    try:
        return typed_path(source)
    except UserError as error:
        st.warning(plain_text(error_text(error)), icon=":material/info:")
        return None


def titles() -> dict[str, str]:
    """What can be chosen as the format: names, and what the list shows for them."""
    return {"": "Detect automatically", **{format.name: format.title for format in registry.FORMATS}}


def start_import(source: str, name: str, arguments: list[str]) -> None:
    """Import a source into a new folder beside the other studies.

    The import itself reads nothing outside of the roots, whatever a link or a cell says.
    Raises UserError if the source or its labels may not be read, or the name is taken.
    """
    folder = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "study"
    target = processes.DATA_PATH / folder
    if target.exists():
        raise UserError(f"There is already a study called {name!r}; choose another name.")
    if registry.named_dataset(source) is None:
        source = str(typed_path(source))
    within = [part for root in roots() for part in ("--within", str(root))]
    log = processes.DATA_PATH / f".import-{folder}.log"
    process = processes.start_import([source, "--study", str(target), "--name", name, *arguments, *within], log=log)
    session.put("import_process", process)
    session.put("import_target", target)
    session.put("import_log", log)


@st.fragment(run_every=0.5)
def show_import() -> None:
    """A running import; once it has ended, its outcome is kept and the page drawn again."""
    with error_boundary():
        process = session.get("import_process")
        if process is None:
            return
        status = process.poll()
        if status is None:
            fraction, message = processes.import_progress(session.get("import_log"))
            st.progress(fraction, text=f"Importing: {plain_text(message)}")
            return
        log = session.get("import_log")
        session.put("import_process", None)
        if status == 0:
            session.add_study(session.get("import_target"))
            session.put("num_imports", session.get("num_imports", 0) + 1)
            session.put("import_outcome", log.read_text(encoding="utf-8"))
        else:
            session.put("import_error", public_reason(log) if status == 2 else FAILED)
        log.unlink(missing_ok=True)
        st.rerun()


def public_reason(log: Path) -> str:
    """Why an import was refused: with --within it quotes nothing of the source's files, which are no study's yet."""
    reason = without_paths(processes.last_line(log).removeprefix("error: "))
    return f"{reason.rstrip('.')}. {TERMINAL_HINT}"


def show_outcome() -> None:
    """The outcome of the session's last import."""
    error = session.get("import_error")
    outcome = session.get("import_outcome")
    session.put("import_error", None)
    session.put("import_outcome", None)
    if error:
        st.warning(plain_text(str(error)), icon=":material/info:")
    if outcome:
        summary = json.loads(outcome.splitlines()[-1])
        text = f"Imported {counted(summary['num_samples'], 'image')}."
        if summary["num_quarantined"]:
            text += f" {counted(summary['num_quarantined'], 'row')} could not be read; the report below says why."
        st.info(text, icon=":material/check:")
        for message in summary.get("messages", ()):
            st.caption(plain_text(without_paths(message)))
