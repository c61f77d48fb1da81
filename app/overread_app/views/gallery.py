"""The Gallery page: the samples of a reader's queue as a grid, to be decided many at once."""

from collections import Counter
from pathlib import Path
from typing import Any

import streamlit as st

from overread.records import Protocol
from overread.review.assignment import current_assignment
from overread.review.queue import chosen_samples, matches
from overread.studies.run import Run
from overread.studies.study import Study
from overread_app import session
from overread_app.boundary import error_boundary
from overread_app.components.queue_fields import field_key, go_to, show_queue_fields
from overread_app.components.reader_name import ask_reader, is_asking, remember_reader, show_code
from overread_app.components.threshold_slider import show_threshold
from overread_app.gallery.component import gallery_data, show_component
from overread_app.reading.open_rooms import open_room
from overread_app.reading.reader_state import reader_state
from overread_app.reading.room import Room
from overread_app.reading_list import ReadingList

STYLE = Path(__file__).parents[1] / "components" / "review.css"
NUM_PAIRS = 200
"""Class pairs that the menu offers, those with the most images."""


def show() -> None:
    st.html(STYLE)
    study, run, words = session.current_study(), session.current_run(), session.words()
    if study is None:
        st.info(words("gallery_page.no_study"), icon=":material/info:")
    elif run is None and session.get("read_without_model") != study.path:
        st.info(words("gallery_page.no_run"), icon=":material/info:")
    elif study.protocol == Protocol.BLIND:
        st.info(words("gallery_page.blind"), icon=":material/info:")
    elif is_asking():
        ask_reader(study)
    else:
        show_page(study, run, ReadingList(session.reader_name(), study.ledger_study, run.name if run else ""))


def show_page(study: Study, run: Run | None, reading: ReadingList) -> None:
    """The page's parts, each in a place of its own, so that none loses its state. run: None: the samples are seen
    without a model."""
    with st.container(key="gallery_notice"):
        show_code()
    state = reader_state(session.ledger(study), reading.reader)
    if reading.is_asked:
        reading.take_asked(since=state.current().num_given)
    room, words = open_room(study, run), session.words()
    with st.container(key="gallery_top", horizontal=True, vertical_alignment="center"):
        show_pair(reading, room, is_shared=current_assignment(state.ledger) is not None)
        with st.popover(words("gallery_page.which"), key="gallery_more", on_change="rerun") as popover:
            if popover.open:
                if run is not None:
                    show_threshold(study, run, reading)
                show_queue_fields(reading, room, state, is_gallery=True)
        st.page_link("views/review.py", label=words("gallery_page.one_by_one"), icon=":material/visibility:")
    show_gallery(study, run, reading, room)
    with st.container(key="gallery_unseen"):
        remember_reader()


@st.fragment
def show_gallery(study: Study, run: Run | None, reading: ReadingList, room: Room) -> None:
    with error_boundary(session.words()):
        data = gallery_data(study, run, reading)
        told = show_component(data)
        if told.replaced == data["ticket"]:  # the study itself was updated, not the scores alone
            st.rerun()
        if told.opened is not None and told.opened in room.rows:
            go_to(told.opened)
            st.switch_page("views/review.py")


def show_pair(reading: ReadingList, room: Room, *, is_shared: bool) -> None:
    """A menu of the class pairs: given label, and the label beside it; with the number of images of each, unless the
    reader gets a part of the study's images."""
    choice, table, words = reading.choice, room.table(reading.choice), session.words()
    others = ("kind", "slide", "group", "selection")
    is_counted = chosen_samples(table, choice.min_probability) & matches(table, choice, columns=others)
    counts = Counter(zip(room.given[is_counted].tolist(), room.likely[is_counted].tolist(), strict=True))
    current = choice.given or "", choice.likely or ""
    pairs = [pair for pair, _ in counts.most_common(NUM_PAIRS)]
    if any(current) and current not in pairs:
        pairs.append(current)

    def title(pair: tuple[str, str]) -> str:
        if not any(pair):
            text = words("gallery_page.all_pairs" if room.run else "gallery_page.all_classes")
            return text if is_shared else words("queue.counted", text=text, number=int(is_counted.sum()))
        given, likely = (name or words("gallery_page.any") for name in pair)
        num = counts.get(pair, 0) if all(pair) or not room.run else 0
        text = words("gallery_page.pair", given=given, likely=likely) if room.run else given
        return words("queue.counted", text=text, number=num) if num and not is_shared else text

    options = [("", ""), *pairs]
    key = field_key("gallery_pair", reading, map(title, options))

    def choose() -> None:
        chosen: Any = session.field_value(key)
        given, likely = chosen or ("", "")
        reading.choose(since=reading.since, given=given or None, likely=likely or None)

    st.selectbox(
        words("gallery_page.pairs" if room.run else "gallery_page.classes"),
        options,
        index=options.index(current),
        format_func=title,
        key=key,
        on_change=choose,
        label_visibility="collapsed",
    )


show()
