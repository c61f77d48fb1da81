"""The form fields for the labels file and its columns."""

from collections.abc import Collection, Sequence
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
    "reader": ("Reader column", "Who gave the label, if each reader's label of an image has a row of its own."),
}
RATERS_HELP = "Labels that individual raters gave, in addition to the one under audit."


def ask_columns(labels: Path | None, *, key: str, kinds: Collection[str], asked: Collection[str] = ()) -> list[str]:
    """Options of `import` that say which columns hold what.

    labels: the labels file, which may be read; None if it is not known; key: what the fields' keys begin with; kinds:
    of columns that are asked for; asked: flags that the form asks for elsewhere.
    The columns of a table that is there are chosen from a list, those of anything else typed.
    """
    arguments = []
    names = columns_of(labels)
    wanted = [kind for kind in (*COLUMNS, "raters") if kind in kinds and column_flag(kind) not in asked]
    single = [kind for kind in wanted if kind in COLUMNS]
    for start in range(0, len(single), 3):
        for column, kind in zip(st.columns(3), single[start : start + 3], strict=False):
            with column:
                value = ask_column(names, kind, key=f"{key}_{kind}")
            arguments += [column_flag(kind), value] if value else []
    if "raters" in wanted:
        for rater in ask_raters(names, key=f"{key}_raters"):
            arguments += [column_flag("raters"), rater]
    if wanted and not names:
        st.caption(
            "You can leave a field empty if the column has an obvious name: image, label, patient, slide or split."
        )
    return arguments


def ask_labels(path: Path | None, *, key: str) -> Path | None:
    """The labels file, if another than the source is named; not asked if the source is one, or holds only one.

    path: the source, which may be read. Raises UserError for a labels file that may not be read.
    """
    if path is None or is_table(path):
        return None
    named = ask_labels_file(path, key=key)
    return typed_path(named, path) if named else None


def default_labels(path: Path | None) -> Path | None:
    """The table that an import takes by default: the source itself, or the only one in it; None if there is none."""
    return path if path is None or is_table(path) else only_table(path)


def is_table(path: Path) -> bool:
    """Whether the source itself is the labels file."""
    return path.suffix.lower() in (*TABLES, ".json")


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
