"""The Adjudication page: readers look again at what they dispute, and an adjudicator decides the rest."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from overread.records import Protocol
from overread.review.adjudication import (
    SecondLook,
    disputes,
    for_adjudication,
    open_round,
    opinions,
    record_adjudication,
    record_second,
    second_looks,
)
from overread.review.disputes import Dispute, DisputeState, Opinion, Round
from overread.studies.study import Study
from overread_app import session
from overread_app.components.dispute_fields import (
    SEEN,
    ask_note,
    named,
    next_sample,
    show_choices,
    show_opinion,
    show_way_back,
)
from overread_app.components.failure import attempt, show_failure
from overread_app.components.reader_name import ask_reader, is_asking, remember_reader, show_code
from overread_app.components.wording import counted
from overread_app.looking.component import show_image

STATE_WORDS = {
    DisputeState.OPEN: ("Not opened", "Readers differ, and nobody has been told."),
    DisputeState.SECOND_ROUND: ("Second round", "A reader has not looked again yet."),
    DisputeState.AGREED: ("Agreed", "The readers came to one label in the second round."),
    DisputeState.STILL_DISPUTED: ("Still disputed", "They have looked again, and still differ."),
    DisputeState.FOR_ADJUDICATION: ("For adjudication", "An adjudicator has not decided yet."),
    DisputeState.ADJUDICATED: ("Adjudicated", "The adjudicator's label is final."),
    DisputeState.UNRESOLVED: ("Unresolved", "The adjudicator could not tell; the given label is kept."),
}
ROUND_WORDS = {
    Round.SECOND: (
        "Open a second round",
        "Their readers will see each other's labels and notes, without names, and can change their own. From then on "
        "these readings are no longer independent. This cannot be undone.",
    ),
    Round.ADJUDICATION: (
        "Send to adjudication",
        "An adjudicator who has not read them will decide, without seeing the labels unless they ask.",
    ),
}
TAKEN_BY = {
    Round.SECOND: (DisputeState.OPEN,),
    Round.ADJUDICATION: (DisputeState.OPEN, DisputeState.SECOND_ROUND, DisputeState.STILL_DISPUTED),
}
"""Which disputes a round takes in."""


STYLE = Path(__file__).parents[1] / "components" / "adjudication.css"


def show_page() -> None:
    st.html(STYLE)
    study = session.current_study()
    if study is None:
        st.title("Adjudication")
        st.info("There is no study yet. Create one on the Studies page.", icon=":material/info:")
        return
    if is_asking():
        st.title("Adjudication")
        ask_reader(study)
    else:
        show_code()
        remember_reader()
        show_failure("answer")
        show_work(study, session.reader_name())
    if session.is_owner():
        show_rounds(study)


def show_work(study: Study, reader: str) -> None:
    """The next sample that waits for the reader."""
    looks = {look.sample_id: look for look in second_looks(session.ledger(study), reader)}
    waiting = [sample_id for sample_id, look in looks.items() if look.again is None]
    if chosen := next_sample(looks, waiting):
        show_second_look(study, reader, looks[chosen], num_done=len(looks) - len(waiting), num_all=len(looks))
        return
    states = for_adjudication(session.ledger(study), reader) if may_adjudicate() else {}
    waiting = [sample_id for sample_id, state in states.items() if state is DisputeState.FOR_ADJUDICATION]
    if chosen := next_sample(states, waiting):
        show_adjudication(study, reader, chosen, num_done=len(states) - len(waiting), num_all=len(states))
        return
    st.title("Adjudication")
    show_way_back()
    st.markdown("Nothing waits for you. If an image needs a second look from you, it will be here.")


def may_adjudicate() -> bool:
    """Where nobody signs in, the owner alone."""
    return session.may_see_others() if session.is_served() else session.is_owner()


def show_rounds(study: Study) -> None:
    """For the owner: how far disputes have come, and the rounds that can be opened."""
    st.header("What readers dispute")
    show_failure("round")
    found = disputes(session.ledger(study))
    counts = Counter(dispute.state for dispute in found.values())
    if not counts:
        st.markdown("No two readers differ so far.")
        return
    told = [state for state in DisputeState if counts[state]]
    for column, state in zip(st.columns(max(len(told), 4)), told, strict=False):
        title, explanation = STATE_WORDS[state]
        column.metric(title, f"{counts[state]:,}", help=explanation)
    with st.container(horizontal=True):
        for each in Round:
            show_round(study, each, [one for one in found.values() if one.state in TAKEN_BY[each]])


def show_round(study: Study, each: Round, taken: Sequence[Dispute]) -> None:
    if not taken:
        return
    title, text = ROUND_WORDS[each]
    with st.popover(title, key=f"adjudication_open_{each}"):
        st.markdown(f"**{counted(len(taken), 'image')}.** {text}")
        st.button(
            f"{title} now",
            type="primary",
            key=f"adjudication_confirm_{each}",
            on_click=attempt,
            args=("round", open_now, study, each),
        )


def open_now(study: Study, each: Round) -> None:
    open_round(session.ledger(study), each, session.reader_name() or "owner")


def show_second_look(study: Study, reader: str, look: SecondLook, *, num_done: int, num_all: int) -> None:
    """A sample that a reader has to look at again, beside what another reader said of it."""
    st.title("Second look")
    image, panel = st.columns([3, 2], gap="medium")
    with image, st.container(key="adjudication_image"):
        show_image(study, session.current_run(), reader, look.sample_id)
    with panel:
        st.progress(num_done / num_all, text=f"{num_done:,} of {num_all:,} looked at again")
        show_opinion("Your label", look.own)
        for other in look.others:
            show_opinion("Another reader", other)
        note = ask_note(look.sample_id)

        def save(label: str | None, key: str) -> None:
            said = Opinion(label or "", note)
            record_second(session.ledger(study), reader, look.sample_id, said, key=key)

        others = dict.fromkeys(other.label for other in look.others if other.label != look.own.label)
        first: list[tuple[str | None, str]] = [(look.own.label, f"Keep: {named(look.own.label)}")]
        first += [(label, f"Change to: {named(label)}") for label in others]
        rest = [label for label in (*study.classes, "") if label not in (look.own.label, *others)]
        show_choices(look.sample_id, first, [(label, named(label)) for label in rest], save)


def show_adjudication(study: Study, reader: str, sample_id: str, *, num_done: int, num_all: int) -> None:
    """A sample for an adjudicator: the image alone, and on request what the readers said."""
    st.title("Adjudication")
    image, panel = st.columns([3, 2], gap="medium")
    with image, st.container(key="adjudication_image"):
        show_image(study, session.current_run(), reader, sample_id)
    with panel:
        st.progress(num_done / num_all, text=f"{num_done:,} of {num_all:,} decided")
        is_shown = st.toggle(
            "Show what the readers said",
            key=f"adjudication_shown_{sample_id}",
            help="Your decision is recorded as blind if you have not looked.",
        )
        seen = (study.ledger_study, reader, sample_id)
        if is_shown:
            SEEN.add(seen)
            for name, said in opinions(session.ledger(study), reader, sample_id).items():
                for opinion in said:
                    show_opinion("A reader" if name == "first" else "A reader, second look", opinion)
        protocol = Protocol.OPEN if seen in SEEN else Protocol.BLIND
        note = ask_note(sample_id)

        def save(label: str | None, key: str) -> None:
            record_adjudication(
                session.ledger(study),
                reader,
                sample_id,
                None if label is None else Opinion(label, note),
                note=note,
                protocol=protocol,
                key=key,
            )

        rest: list[tuple[str | None, str]] = [(label, named(label)) for label in (*study.classes, "")]
        show_choices(sample_id, [], [*rest, (None, "Cannot be resolved")], save)


show_page()
