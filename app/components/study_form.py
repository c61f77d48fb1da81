"""The form that makes a study from a folder or a CSV file, and the progress of that import."""

import json
import re
from pathlib import Path

import streamlit as st

from app import processes, session
from app.boundary import error_boundary, plain_text
from app.components.wording import counted
from core.datasets.dicom_tree import KEYS
from core.errors import UserError

LAYOUTS = {
    "": "Recognise it",
    "folder": "One folder per class",
    "csv": "A CSV file with labels",
    "chaoyang": "Chaoyang's files (train.json, test.json)",
    "kermany": "Kermany's chest X-rays",
    "dicom": "DICOM files, and a CSV that names them by a tag",
    "medmnist": "A MedMNIST file (.npz)",
}
COLUMNS = {
    "image": ("Image column", "Paths in it are relative to the source folder."),
    "label": ("Label column", "The label under audit."),
    "patient": ("Patient column", "Keeps a patient's images together. Only a keyed hash of it is stored."),
    "slide": ("Slide column", "Keeps a slide's images together. Only a keyed hash of it is stored."),
    "split": ("Split column", "Images of the split “test” are scored, and never trained on."),
}
FAILED = "The import failed. Run it in a terminal to see why: python -m core import"


def show_study_form() -> None:
    """Ask for a source; while an import runs, show how it goes; then what came of it.

    The fields stay while it runs, so that what was typed is still there if it has to be mended.
    """
    show_outcome()
    source = st.text_input(
        "Folder or CSV file on this machine",
        key=f"{form_key()}_source",
        placeholder="/data/chest or /data/chest/labels.csv",
    ).strip()
    path = Path(source).expanduser() if source else None
    left, right = st.columns(2)
    name = left.text_input("Name of the study", key=f"{form_key()}_name", placeholder=path.stem if path else "").strip()
    form = right.selectbox("Layout", list(LAYOUTS), key=f"{form_key()}_format", format_func=LAYOUTS.__getitem__)
    arguments = []
    if form == "dicom":
        arguments += ["--key", st.selectbox("Tag that the CSV names files by", KEYS, key=f"{form_key()}_key")]
    if form in ("csv", "dicom") or (path is not None and path.suffix.lower() in (".csv", ".tsv")):
        arguments += ask_columns(needs_file=path is not None and path.suffix.lower() not in (".csv", ".tsv"))
    st.caption("The images stay where they are. The study keeps a small copy of each for training, on this machine.")
    if session.kept("import_process") is not None:
        show_import()
    elif st.button("Import", key=f"{form_key()}_import", type="primary", disabled=path is None):
        start_import(path, name or path.stem, [*(["--format", form] if form else []), *arguments])
        st.rerun()


def form_key() -> str:
    """What the keys of the form's fields begin with; a new one after each import, so that the next form is empty."""
    return f"studies_form_{session.kept('num_imports', 0)}"


def ask_columns(*, needs_file: bool) -> list[str]:
    """Options of `import` that say which file and columns of a CSV hold what."""
    arguments = []
    if needs_file:
        labels = st.text_input("Labels file", key=f"{form_key()}_labels", help="Needed where the folder holds several.")
        arguments += ["--labels", labels.strip()] if labels.strip() else []
    st.caption("Columns may be left empty where their names are obvious: image, label, patient, slide, split.")
    for column, (kind, (title, explanation)) in zip(st.columns(len(COLUMNS)), COLUMNS.items(), strict=True):
        value = column.text_input(title, key=f"{form_key()}_{kind}", help=explanation).strip()
        arguments += [f"--{kind}-column", value] if value else []
    raters = st.text_input(
        "Rater columns",
        key=f"{form_key()}_raters",
        help="Labels that single raters gave; several, separated by commas.",
    )
    for rater in filter(None, (part.strip() for part in raters.split(","))):
        arguments += ["--rater-column", rater]
    return arguments


def start_import(source: Path, name: str, arguments: list[str]) -> None:
    """Import a source into a new folder beside the other studies. Raises UserError if that name is taken."""
    folder = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "study"
    target = processes.DATA_PATH / folder
    if target.exists():
        raise UserError(f"There is already a study called {name!r}; give this one another name.")
    if not source.is_absolute():
        raise UserError("Please give the whole path, from the root of this machine's files.")
    log = processes.DATA_PATH / f".import-{folder}.log"
    process = processes.start_import([str(source), "--study", str(target), "--name", name, *arguments], log=log)
    session.keep("import_process", process)
    session.keep("import_target", target)
    session.keep("import_log", log)


@st.fragment(run_every=0.5)
def show_import() -> None:
    """A running import; once it has ended, its outcome is kept and the page drawn anew."""
    with error_boundary():
        process = session.kept("import_process")
        if process is None:
            return
        status = process.poll()
        if status is None:
            fraction, message = processes.import_progress(session.kept("import_log"))
            st.progress(fraction, text=f"Importing: {message}")
            return
        log = session.kept("import_log")
        session.keep("import_process", None)
        if status == 0:
            session.add_study(session.kept("import_target"))
            session.keep("num_imports", session.kept("num_imports", 0) + 1)
            session.keep("import_outcome", log.read_text(encoding="utf-8"))
        else:
            session.keep("import_error", processes.last_line(log).removeprefix("error: ") if status == 2 else FAILED)
        log.unlink(missing_ok=True)
        st.rerun()


def show_outcome() -> None:
    """What the last import of this session came to."""
    error = session.kept("import_error")
    outcome = session.kept("import_outcome")
    session.keep("import_error", None)
    session.keep("import_outcome", None)
    if error:
        st.warning(plain_text(error), icon=":material/info:")
    if outcome:
        summary = json.loads(outcome.splitlines()[-1])
        text = f"Imported {counted(summary['num_samples'], 'image')}."
        if summary["num_quarantined"]:
            text += f" {counted(summary['num_quarantined'], 'row')} could not be read; the report below says why."
        st.info(text, icon=":material/check:")
        for message in summary.get("messages", ()):
            st.caption(plain_text(message))
