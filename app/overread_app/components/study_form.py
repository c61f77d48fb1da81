"""The form that creates a study from a source: its fields, a preview of what they make of it, and the import."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

import streamlit as st

from overread.errors import UserError
from overread.sources import registry
from overread.sources.archives import is_named_archive
from overread_app import session
from overread_app.boundary import error_text, plain_text
from overread_app.components import import_runs
from overread_app.components.column_fields import ask_columns, ask_labels, columns_of, default_labels
from overread_app.components.format_fields import FormatAnswers, ask_format, recognised
from overread_app.components.grades_field import ask_grades
from overread_app.components.import_runs import Answers
from overread_app.components.label_fields import FIELDS, ask_label_fields
from overread_app.components.preview_panel import show_preview
from overread_app.components.protocol_field import ask_protocol
from overread_app.components.question_fields import ask_questions, question_flag
from overread_app.components.source_field import ask_source
from overread_app.readable_roots import typed_path

COPIED = "The images are copied into the study, on this machine."
LEFT_THERE = "The images stay where they are. For training, the study keeps a small copy of each on this machine."
UPLOAD_KEPT = "The import unpacks the images into the study. Then the upload is deleted."
ButtonType = Literal["primary", "secondary"]


def show_study_form() -> None:
    """Ask for a source; show its preview, or the progress of its import.

    The fields stay while it runs, so that what was typed can still be corrected.
    """
    key = form_key()
    source, is_upload = ask_source(key)
    named = registry.named_dataset(source)
    with st.container():  # so that a warning moves no other element's place, which would close the fields below
        path = checked_path(source) if source and not named else None
    suggested = source.removeprefix(named.download.prefix) if named and named.download else path.stem if path else ""
    suggested = "" if is_upload else suggested
    left, right = st.columns(2)
    name = left.text_input("Name of the study", key=f"{key}_name", placeholder=suggested).strip()
    chosen = right.selectbox("Format", list(titles()), key=f"{key}_format", format_func=titles().__getitem__)
    format = named or registry.find_format(chosen) or (recognised(path) if path else None)
    place = source if named else str(path or "")
    options, is_refused = ["--format", chosen] if chosen else [], False
    questions = import_runs.questions_about(place, chosen)
    asked = [question_flag(question) for question in questions]
    refusal = st.container()
    with st.container():
        answered = ask_questions(questions, path, key=key)
    try:
        below = [field.flag for field in FIELDS]
        of_format = ask_format(format, path, key=key, asked=[*asked, *below]) if format else FormatAnswers()
        options += of_format.options
        with st.expander("More about the labels"):
            options += ask_more(path, of_format.columns, answered, key=key, asked=asked)
    except UserError as error:  # of a labels file that may not be read
        is_refused = True
        st.warning(plain_text(error_text(error)), icon=":material/info:")
    reading = ("--protocol", ask_protocol(f"{key}_protocol"), *(["--grades"] if ask_grades(f"{key}_grades") else []))
    is_copied = (format and format.write_images) or (path and is_named_archive(path))
    st.caption(UPLOAD_KEPT if is_upload else COPIED if is_copied else LEFT_THERE)
    answers = (place, *options, *answered)
    is_ready = bool(place) and not is_refused
    if reason := import_runs.refusal_of(answers):
        refusal.warning(plain_text(reason), icon=":material/info:")
    if is_ready and is_upload and import_runs.start_first_preview(answers):
        st.rerun()
    preview = import_runs.preview_of(answers)
    if preview:
        show_preview(preview)
    if kind := import_runs.running():
        import_runs.show_progress(kind)
    else:
        show_buttons(answers, name or suggested, reading, is_ready=is_ready, is_previewed=bool(preview))


def ask_more(
    path: Path | None, kinds: Sequence[str], answered: Sequence[str], *, key: str, asked: Collection[str]
) -> list[str]:
    """Options of `import` that most sources do without: the labels file, its columns, and how labels are read.

    path: the source, which may be read; kinds: of columns that the format has; answered: options that were given
    before; key: what the fields' keys begin with; asked: flags that the form asks for elsewhere.
    Raises UserError for a labels file that may not be read.
    """
    options: list[str] = []
    labels = default_labels(path)
    if "--labels" in answered:
        labels = typed_path(answered[answered.index("--labels") + 1], path)
    elif kinds and "--labels" not in asked and (named := ask_labels(path, key=key)):
        labels = named
        options += ["--labels", str(labels)]
    options += ask_columns(labels, key=key, kinds=kinds, asked=asked) if kinds else []
    return options + ask_label_fields(key=key, asked=asked, columns=columns_of(labels))


def show_buttons(answers: Answers, name: str, reading: Answers, *, is_ready: bool, is_previewed: bool) -> None:
    """Preview and Import; the one to press next stands out. reading: the options of `import` that say how it is read;
    is_ready: whether the source may be read."""
    with st.container(horizontal=True):
        preview_type: ButtonType = "secondary" if is_previewed else "primary"
        if st.button("Preview", key=f"{form_key()}_preview", type=preview_type, disabled=not is_ready):
            import_runs.start_preview(answers)
            st.rerun()
        import_type: ButtonType = "primary" if is_previewed else "secondary"
        if st.button("Import", key=f"{form_key()}_import", type=import_type, disabled=not is_ready):
            try:
                import_runs.start_import(answers, name, reading)
            except UserError as error:
                st.warning(plain_text(error_text(error)), icon=":material/info:")
            else:
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
