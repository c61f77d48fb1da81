"""Whether a study's readers are asked to grade the wrong labels that they find."""

import streamlit as st

from overread.pipeline.configuring import configure
from overread.studies.study import Study
from overread_app import session
from overread_app.components.failure import attempt, num_failures

HELP = (
    "For a label that they change, readers may say whether many or few readers would miss the error, and whether it "
    "matters clinically. One key, before the verdict; it can be left out."
)


def ask_grades(key: str) -> bool:
    """Whether the readers of a study that is to be made may grade errors."""
    return st.toggle("Readers may grade errors", key=key, help=HELP)


def show_grades_field(study: Study) -> None:
    """A switch for the owner of a study; a sentence for other readers."""
    if not session.is_owner():
        st.markdown(f"Readers grade errors: {'yes, if they like' if study.asks_grades else 'no'}")
        return
    key = f"studies_grades_{study.ledger_study}_{num_failures('settings')}"

    def save() -> None:
        configure(study, asks_grades=bool(session.field_value(key)), actor=session.account())

    st.toggle(
        "Readers may grade errors",
        value=study.asks_grades,
        key=key,
        help=HELP,
        on_change=attempt,
        args=("settings", save),
    )
