"""The form fields for the labels file and its columns."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from overread.sources.request import column_flag
from overread.sources.source_files import TABLES, tables_in
from overread.sources.table_columns import obvious_columns
from overread.sources.tables.table_file import read_header
from overread_app.readable_roots import is_readable, typed_path

COLUMNS = {
    "image": ("Image column", "Paths in it are relative to the source folder."),
    "label": ("Label column", "The label under audit."),
    "patient": ("Patient column", "Keeps a patient's images together. Only a keyed hash is stored."),
    "slide": ("Slide column", "Keeps a slide's images together. Only a keyed hash is stored."),
    "split": ("Split column", "Images in the split “test” are scored but never trained on."),
}
RATERS_HELP = "Labels that individual raters gave, in addition to the one under audit."


def ask_columns(path: Path | None, *, key: str, kinds: Sequence[str]) -> list[str]:
    """Options of `import` that say which file and columns hold what.

    path: the source, which may be read; key: what the fields' keys begin with; kinds: of columns that are asked for.
    The columns of a CSV that is there are chosen from a list, those of anything else typed.
    Raises UserError for a labels file that may not be read.
    """
    arguments = []
    labels = path
    if path is not None and path.suffix.lower() not in (*TABLES, ".json"):
        named = ask_labels_file(path, key=key)
        labels = typed_path(named, path) if named else only_table(path)
        arguments += ["--labels", str(labels)] if named else []
    names = columns_of(labels)
    asked = [kind for kind in COLUMNS if kind in kinds]
    for column, kind in zip(st.columns(len(asked) or 1), asked, strict=False):
        with column:
            value = ask_column(names, kind, key=f"{key}_{kind}")
        arguments += [column_flag(kind), value] if value else []
    if "raters" in kinds:
        for rater in ask_raters(names, key=f"{key}_raters"):
            arguments += [column_flag("raters"), rater]
    if not names:
        st.caption(
            "You can leave a field empty if the column has an obvious name: image, label, patient, slide or split."
        )
    return arguments


def ask_labels_file(folder: Path, *, key: str) -> str:
    """Which table holds the labels; not asked if there is only one."""
    try:
        tables = [table.name for table in tables_in(folder)] if folder.is_dir() else []
    except OSError:  # the import says why
        tables = []
    if len(tables) == 1:
        return ""
    if tables:
        return st.selectbox("Labels file", tables, key=f"{key}_labels", index=None, placeholder="Choose one") or ""
    return st.text_input("Labels file", key=f"{key}_labels", help="Relative to the source folder.").strip()


def only_table(folder: Path) -> Path | None:
    """The table that an import takes by default; None if there is none, or more than one."""
    try:
        tables = tables_in(folder) if folder.is_dir() else []
    except OSError:
        tables = []
    return tables[0] if len(tables) == 1 else None


def columns_of(labels: Path | None) -> list[str]:
    """The named columns of a labels file; none if it is not a CSV, or cannot be read: the import says why."""
    if labels is None or labels.suffix.lower() not in TABLES or not is_readable(labels):
        return []
    try:
        names = [name for name in dict.fromkeys(read_header(labels)) if name.strip()]
        return names if len(names) > 1 else []  # a single one is no table's header
    except OSError:
        return []


def ask_column(names: Sequence[str], kind: str, *, key: str) -> str:
    """A column's name, or nothing: then the import takes the obvious one, if there is one."""
    title, explanation = COLUMNS[kind]
    if not names:
        return st.text_input(title, key=key, help=explanation).strip()
    placeholder = obvious_columns(names).get(kind, "Choose one" if kind in ("image", "label") else "none")
    return st.selectbox(title, names, key=key, index=None, placeholder=placeholder, help=explanation) or ""


def ask_raters(names: Sequence[str], *, key: str) -> list[str]:
    """The columns of individual raters."""
    if names:
        return st.multiselect("Rater columns", names, key=key, placeholder="none", help=RATERS_HELP)
    typed = st.text_input("Rater columns", key=key, help=f"{RATERS_HELP} Separate several with commas.")
    return [part.strip() for part in typed.split(",") if part.strip()]
