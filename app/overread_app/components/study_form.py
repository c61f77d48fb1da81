"""The form that makes a study from a source, and the progress of that import."""

import json
import re
from pathlib import Path

import streamlit as st

from overread.errors import UserError
from overread.sources.arrays.cifar import is_cifar, label_keys
from overread.sources.arrays.cifar_n import given_labels
from overread.sources.arrays.medmnist_release import PREFIX
from overread.sources.chaoyang import GIVEN_LABELS, is_chaoyang
from overread.sources.dicom.keyed_tree import KEYS
from overread_app import processes, session
from overread_app.boundary import error_boundary, error_text, plain_text, without_paths
from overread_app.components.column_fields import TABLES, ask_columns, tables_in
from overread_app.components.wording import counted
from overread_app.readable_roots import is_readable, roots, typed_path

LAYOUTS = {
    "": "Recognise it",
    "folder": "One folder per class",
    "csv": "A CSV file with labels",
    "chaoyang": "Chaoyang's files (train.json, test.json)",
    "kermany": "Kermany's chest X-rays",
    "dicom": "DICOM files, labelled by a CSV or by a tag",
    "cifar": "CIFAR-10 or CIFAR-100 (python version)",
    "medmnist": "MedMNIST: a file (.npz), or a dataset's name",
    "fiftyone": "An export of FiftyOne",
    "label-studio": "An export of Label Studio (JSON)",
}
WITHOUT = {"fiftyone": "image", "label-studio": "raters"}
"""The column that a layout's own files tell already."""
FAILED = "The import failed. Run it in a terminal to see why: python -m core import"
TOLD_IN_TERMINAL = "The same import in a terminal says more: python -m core import"


def show_study_form() -> None:
    """Ask for a source; while an import runs, show how it goes; then what came of it.

    The fields stay while it runs, so that what was typed is still there if it has to be mended.
    """
    show_outcome()
    source = st.text_input(
        "Folder or file on this machine",
        key=f"{form_key()}_source",
        placeholder="/data/chest or /data/chest/labels.csv",
        help="Or a dataset of MedMNIST by its name, which is then fetched: medmnist:pathmnist, medmnist:pathmnist_64 …",
    ).strip()
    is_named = source.startswith(PREFIX)
    path = told_path(source) if source and not is_named else None
    suggested = source.removeprefix(PREFIX) if is_named else path.stem if path else ""
    left, right = st.columns(2)
    name = left.text_input("Name of the study", key=f"{form_key()}_name", placeholder=suggested).strip()
    form = right.selectbox("Layout", list(LAYOUTS), key=f"{form_key()}_format", format_func=LAYOUTS.__getitem__)
    layout = "medmnist" if is_named else form or (recognised(path) if path else "")
    arguments, is_refused = [], False
    try:
        arguments = ask_layout(layout, path)
    except UserError as error:  # of a labels file that may not be read
        is_refused = True
        st.warning(plain_text(error_text(error)), icon=":material/info:")
    st.caption(
        "The images are written into the study, on this machine."
        if layout in ("cifar", "medmnist")
        else "The images stay where they are. The study keeps a small copy of each for training, on this machine."
    )
    if session.get("import_process") is not None:
        show_import()
    elif st.button("Import", key=f"{form_key()}_import", type="primary", disabled=is_refused or not (path or is_named)):
        start_import(source, name or suggested, [*(["--format", form] if form else []), *arguments])
        st.rerun()


def form_key() -> str:
    """What the keys of the form's fields begin with; a new one after each import, so that the next form is empty."""
    return f"studies_form_{session.get('num_imports', 0)}"


def told_path(source: str) -> Path | None:
    """The path that was typed; None where it may not be read, which is then said."""
    try:
        return typed_path(source)
    except UserError as error:
        st.warning(plain_text(error_text(error)), icon=":material/info:")
        return None


def recognised(path: Path) -> str:
    """The layout of a source that has fields of its own, where it can be seen at a glance; else nothing."""
    if not is_readable(path):
        return ""
    if path.suffix.lower() == ".npz":
        return "medmnist"
    if path.suffix.lower() in TABLES:
        return "csv"
    try:
        if path.is_dir():
            known = "cifar" if is_cifar(path) else "chaoyang" if is_chaoyang(path) else ""
            return known or ("csv" if tables_in(path) else "")
    except OSError:  # the import says why
        pass
    return ""


def ask_layout(layout: str, path: Path | None) -> list[str]:
    """Options of `import` that a layout has: which labels to audit, and where they stand.

    Raises UserError for a labels file that may not be read.
    """
    if layout == "dicom":
        return ask_dicom(path)
    if layout in ("csv", *WITHOUT):
        return ask_columns(path, key=form_key(), without=WITHOUT.get(layout, ""))
    if layout == "chaoyang":
        label = st.selectbox(
            "Label to audit",
            GIVEN_LABELS,
            key=f"{form_key()}_given",
            help="The released label, or that of one pathologist; the other ones stay beside it as raters.",
        )
        return ["--given-label", label] if label != GIVEN_LABELS[0] else []
    if layout == "cifar" and path is not None:
        return ask_cifar(path)
    return []


def ask_dicom(path: Path | None) -> list[str]:
    """Options of `import` for DICOM files: the tag that holds the label, or the one by which a CSV names the files."""
    ways = ("A CSV that names the files by a tag", "A tag of the files themselves")
    if st.selectbox("Where the labels stand", ways, key=f"{form_key()}_way") == ways[1]:
        tag = st.text_input("Tag that holds the label", key=f"{form_key()}_tag", placeholder="BodyPartExamined").strip()
        return ["--label-tag", tag] if tag else []
    key = st.selectbox("Tag that the CSV names files by", KEYS, key=f"{form_key()}_key")
    return ["--key", key, *ask_columns(path, key=form_key())]


def ask_cifar(path: Path) -> list[str]:
    """Options of `import` for CIFAR's batches: which of their labels, or which of CIFAR-N's."""
    arguments = []
    keys = label_keys(path) if path.is_dir() else ()
    key = keys[0] if keys else ""
    if len(keys) > 1:
        key = st.selectbox("Classes", keys, key=f"{form_key()}_classes")
        arguments += ["--label-column", key]
    labels = st.text_input(
        "Labels of CIFAR-N",
        key=f"{form_key()}_labels",
        placeholder="CIFAR-10_human.pt",
        help="Left empty, the dataset's own labels are audited.",
    ).strip()
    if not labels:
        return arguments
    file = typed_path(labels, path if path.is_dir() else path.parent)
    arguments += ["--labels", str(file)]
    try:
        known = given_labels(file, is_coarse="coarse" in key) if file.is_file() else []
    except UserError as error:
        st.warning(plain_text(error.public), icon=":material/info:")
        return arguments
    if len(known) > 1:
        arguments += ["--given-label", st.selectbox("Label to audit", known, key=f"{form_key()}_given")]
    return arguments


def start_import(source: str, name: str, arguments: list[str]) -> None:
    """Import a source into a new folder beside the other studies.

    The import itself reads nothing outside of the roots, whatever a link or a cell says.
    Raises UserError if the source or its labels may not be read, or the name is taken.
    """
    folder = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "study"
    target = processes.DATA_PATH / folder
    if target.exists():
        raise UserError(f"There is already a study called {name!r}; give this one another name.")
    if not source.startswith(PREFIX):
        source = str(typed_path(source))
    within = [part for root in roots() for part in ("--within", str(root))]
    log = processes.DATA_PATH / f".import-{folder}.log"
    process = processes.start_import([source, "--study", str(target), "--name", name, *arguments, *within], log=log)
    session.put("import_process", process)
    session.put("import_target", target)
    session.put("import_log", log)


@st.fragment(run_every=0.5)
def show_import() -> None:
    """A running import; once it has ended, its outcome is kept and the page drawn anew."""
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
    return f"{reason.rstrip('.')}. {TOLD_IN_TERMINAL}"


def show_outcome() -> None:
    """What the last import of this session came to."""
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
