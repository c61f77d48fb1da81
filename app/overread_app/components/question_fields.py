"""The form fields for what a refused import needs to be told, with the answers that it named."""

from collections.abc import Sequence

import streamlit as st

from overread.records import Question
from overread_app.components.wording import counted

SEVERAL = {"label_columns": ",", "rater_column": ""}
"""What takes several answers, and what separates them; empty: the flag is repeated."""
FLAGS = {"doubts": "--as", "no_labels": "--no-label"}
"""Of those fields whose flags have other names."""


def question_flag(question: Question) -> str:
    """The flag of `import` that answers it."""
    return FLAGS.get(question.field, f"--{question.field.replace('_', '-')}")


def ask_questions(questions: Sequence[Question], *, key: str) -> list[str]:
    """Options of `import` that answer the questions, as far as they are answered. key: what the fields' keys begin
    with."""
    arguments = []
    for question in questions:
        flag = question_flag(question)
        values = ask_question(question, key=f"{key}_asked_{question.field}")
        if SEVERAL.get(question.field):
            values = [SEVERAL[question.field].join(values)] if values else []
        arguments += [part for value in values for part in (flag, value)]
    return arguments


def ask_question(question: Question, *, key: str) -> list[str]:
    """The answers; none as long as there is none."""
    counts = dict(question.choices)

    def title(choice: str) -> str:
        return f"{choice} ({counted(counts[choice], 'image')})" if counts.get(choice) else choice

    if question.field in SEVERAL:
        return st.multiselect(question.text, list(counts), key=key, format_func=title, accept_new_options=not counts)
    if not counts:
        typed = st.text_input(question.text, key=key).strip()
        return [typed] if typed else []
    chosen = st.selectbox(question.text, list(counts), key=key, format_func=title, index=None, placeholder="Choose one")
    return [chosen] if chosen else []
