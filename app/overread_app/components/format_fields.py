"""The form fields of a source format, as declared in the registry of formats."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from overread.errors import UserError
from overread.sources import registry
from overread.sources.request import ImportRequest
from overread.sources.source_format import FormatOption, SourceFormat
from overread_app.boundary import plain_text
from overread_app.readable_roots import is_readable, typed_path


@dataclass(frozen=True, slots=True)
class FormatAnswers:
    """What was answered of a format."""

    options: tuple[str, ...] = ()
    """Of `import`."""
    columns: tuple[str, ...] = ()
    """The kinds of columns that can be named where the labels are, of `request.COLUMN_KINDS`."""


def recognised(path: Path) -> SourceFormat | None:
    """The format whose fields a source is shown with, where it can be seen at a glance; the import looks closer."""
    if not is_readable(path):
        return None
    try:
        return next((format for format in registry.by_precedence() if format.looks_like(path)), None)
    except OSError:  # the import says why
        return None


def ask_format(format: SourceFormat, path: Path | None, *, key: str, asked: Collection[str] = ()) -> FormatAnswers:
    """Ask which labels to audit, and where they are, as far as a format leaves that open.

    path: the source, which may be read; None while none is typed; key: what the fields' keys begin with; asked: flags
    that the form asks for elsewhere.
    Raises UserError for a labels file that may not be read.
    """
    places = {place.title: place for place in format.label_places}
    title = next(iter(places))
    if len(places) > 1:
        title = st.selectbox("Where the labels are", list(places), key=f"{key}_way")
    arguments: list[str] = []
    request = ImportRequest(path or "", format=format.name)
    for option in places[title].options:
        if option.flag in asked:
            continue
        if value := ask_option(option, request, key=f"{key}_{option.field}"):
            arguments += [option.flag, value]
            request = request.with_answer(option.field, value)
    return FormatAnswers(tuple(arguments), places[title].columns)


def ask_option(option: FormatOption, request: ImportRequest, *, key: str) -> str:
    """The answer; empty where there is none, or nothing to choose. request: the source and the answers so far.

    Raises UserError for a file that may not be read.
    """
    explanation = option.explanation or None
    if option.choices is None:
        if option.is_file and not request.source:
            return ""
        typed = st.text_input(option.title, key=key, placeholder=option.placeholder, help=explanation).strip()
        return str(typed_path(typed, folder_of(Path(request.source)))) if typed and option.is_file else typed
    try:
        choices = option.choices(request)
    except UserError as error:
        st.warning(plain_text(error.public), icon=":material/info:")
        return ""
    return st.selectbox(option.title, choices, key=key, help=explanation) if len(choices) > 1 else ""


def folder_of(path: Path) -> Path:
    return path if path.is_dir() else path.parent
