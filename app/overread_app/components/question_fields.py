"""The form fields for what a refused import needs to be told, with the answers that it named."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from overread.records import Question
from overread_app.components.column_fields import columns_of, default_labels
from overread_app.components.wording import counted

SEVERAL = {"label_columns": ",", "rater_column": ""}
"""What takes several answers, and what separates them; empty: the flag is repeated."""
FLAGS = {"doubts": "--as", "no_labels": "--no-label"}
"""Of those fields whose flags have other names."""


def question_flag(question: Question) -> str:
    """The flag of `import` that answers it."""
    return FLAGS.get(question.field, f"--{question.field.replace('_', '-')}")


def ask_questions(questions: Sequence[Question], path: Path | None, *, key: str) -> list[str]:
    """Options of `import` that answer the questions, as far as they are answered.

    path: the source, which may be read; key: what the fields' keys begin with.
    """
    arguments = []
    for question in questions:
        flag = question_flag(question)
        values = ask_question(question, path, key=f"{key}_asked_{question.field}")
        if SEVERAL.get(question.field):
            values = [SEVERAL[question.field].join(values)] if values else []
        arguments += [part for value in values for part in (flag, value)]
    return arguments


def ask_question(question: Question, path: Path | None, *, key: str) -> list[str]:
    """The answers; none as long as there is none."""
    counts = dict(question.choices)
    if not counts and question.field.endswith("_column"):
        counts = dict.fromkeys(columns_of(default_labels(path)), 0)

    def title(choice: str) -> str:
        shown = relative(choice, path) if question.field == "labels" else choice
        return f"{shown} ({counted(counts[choice], 'image')})" if counts.get(choice) else shown

    if question.field in SEVERAL:
        return st.multiselect(question.text, list(counts), key=key, format_func=title, accept_new_options=not counts)
    if not counts:
        typed = st.text_input(question.text, key=key).strip()
        return [typed] if typed else []
    chosen = st.selectbox(question.text, list(counts), key=key, format_func=title, index=None, placeholder="Choose one")
    return [chosen] if chosen else []


def relative(table: str, path: Path | None) -> str:
    """A table's path from the source's folder, or from the folder that holds it; no page shows a whole path."""
    place = Path(table)
    above = next((folder for folder in (path, path and path.parent) if folder and place.is_relative_to(folder)), None)
    return str(place.relative_to(above)) if above else place.name
