"""What the Adjudication page shows beside an image: what readers said of it, and the choices."""

import time
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import streamlit as st

from overread.review.disputes import Opinion
from overread_app import session
from overread_app.boundary import plain_text
from overread_app.components.failure import attempt
from overread_app.components.verdict_words import NUM_KEYS
from overread_app.components.wording import VERDICT_WORDS

DWELL_S = 0.5
"""A press that comes sooner was meant for the image before."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A sample in sight, that waits for one answer."""

    sample_id: str
    since_s: float = field(default_factory=time.monotonic)
    key: str = field(default_factory=lambda: str(uuid.uuid4()))


SEEN: set[tuple[str, str, str]] = set()
"""Of this server: study, adjudicator and sample of which they have seen what the readers said. A reload of the page
does not make them blind again."""


def next_sample(known: Collection[str], waiting: Sequence[str]) -> str:
    """The sample that the reader has gone back to, else the first that waits; empty for none."""
    back = session.get("adjudication_back", "")
    return back if back in known else next(iter(waiting), "")


def show_way_back() -> None:
    """A button for the last sample that was answered in this session, to answer it anew."""
    last = session.get("adjudication_last")
    if last is not None and session.get("adjudication_back") is None:
        st.button("Back to the last image", type="tertiary", on_click=session.put, args=("adjudication_back", last))


def show_opinion(whose: str, opinion: Opinion) -> None:
    note = f"  \n“{plain_text(opinion.note)}”" if opinion.note else ""
    label = f"**{plain_text(named(opinion.label))}**"
    if opinion.doubt:
        label = f"**{VERDICT_WORDS[opinion.doubt].capitalize()}**, so the given label, {label}, is kept"
    st.markdown(f":small[:gray[{whose}]]  \n{label}{note}")


def named(label: str) -> str:
    return label or "Exclude the image"


def ask_note(sample_id: str) -> str:
    return st.text_input("Note", key=f"adjudication_note_{sample_id}", max_chars=500, placeholder="Why (optional)")


def show_choices(
    sample_id: str,
    first: Sequence[tuple[str | None, str]],
    rest: Sequence[tuple[str | None, str]],
    save: Callable[[str | None, str], None],
) -> None:
    """A button for each choice; a press saves it and goes on. They have the keys 1 to 9, which looking.js takes. first:
    those that stand out. save: of the label and the idempotency key, which is made when the sample is shown."""
    shown = session.get("adjudication_shown")
    if shown is None or shown.sample_id != sample_id:
        shown = Shown(sample_id)
        session.put("adjudication_shown", shown)

    def press(label: str | None) -> None:
        # Another one, or none, where an earlier press was taken and the browser did not know yet.
        if session.get("adjudication_shown") != shown or time.monotonic() - shown.since_s < DWELL_S:
            return
        attempt("answer", answer, label)

    def answer(label: str | None) -> None:
        save(label, shown.key)
        session.put("adjudication_last", sample_id)
        session.put("adjudication_shown", None)
        session.put("adjudication_back", None)

    with st.container(key="adjudication_choices", gap="xsmall"):
        for number, (label, title) in enumerate([*first, *rest], 1):
            st.button(
                plain_text(title),
                type="primary" if number <= len(first) else "secondary",
                shortcut=str(number) if number <= NUM_KEYS else None,
                width="stretch",
                key=f"adjudication_{number}_{sample_id}",
                on_click=press,
                args=(label,),
            )
    show_way_back()
