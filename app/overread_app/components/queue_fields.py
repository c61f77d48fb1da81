"""The choice of a queue on the Review page: which samples, in what order; and the way to a single one."""

import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from overread.review.queue import chosen_samples, matches
from overread.review.queue_choice import QueueOrder, QueuePart
from overread_app import session
from overread_app.reading.page_data import Jump
from overread_app.reading.reader_state import ReaderState
from overread_app.reading.room import Room
from overread_app.reading_list import ReadingList

ORDERS = {
    QueueOrder.PROBABILITY: "Likely errors first",
    QueueOrder.PACE: "Most errors per minute",
    QueueOrder.CLASS_PAIR: "By class pair",
    QueueOrder.RANDOM: "Random",
}
UNREAD_ORDERS = {QueueOrder.RANDOM: "Random", QueueOrder.CLASS_PAIR: "By class"}
"""Without a model."""
PARTS = {QueuePart.UNDECIDED: "To decide", QueuePart.NOTED: "With a note", QueuePart.LATER: "Put off"}
KINDS = {
    "relabel": "Another class fits better",
    "ambiguous": "Two classes fit",
    "outlier": "Unlike every class",
    "duplicate": "Almost identical, other label",
}
CONTROLS = (0, 5, 10, 20, 50)
ALL = "All"


def show_queue_fields(reading: ReadingList, room: Room, state: ReaderState) -> None:
    """The fields of a queue's choice, each with its numbers of images."""
    orders = ORDERS if room.run else UNREAD_ORDERS
    choice, table, numbers = reading.choice, room.table(), part_counts(reading, room, state)
    left, right = st.columns(2, gap="small")
    with left:
        _choose(reading, state, "order", "Order", orders, choice.order, title=orders.__getitem__)
    with right:
        _choose(
            reading, state, "only", "Show", PARTS, choice.only, title=lambda part: _with(PARTS[part], numbers[part])
        )
    filters: list[tuple[Any, str, str, str, np.ndarray]] = [(left, "given", "Given label", "given_label", room.given)]
    if room.run:
        filters.append((right, "likely", "Most likely label", "likely_label", room.likely))
    if any(room.kinds):
        filters.append((left, "kind", "Kind", "kind", room.kinds))
    if any(room.slides):
        filters.append((right, "slide", "Slide", "slide", room.slides))
    columns = {column for *_, column, _ in filters}
    is_chosen = chosen_samples(table, choice.min_probability)
    for place, name, label, column, values in filters:
        # How many each value gives, the other filters being as they are.
        is_counted = is_chosen & matches(table, choice, columns=columns - {column})
        counts = Counter(values[is_counted].tolist())
        with place:
            _filter(reading, state, (name, label), counts, getattr(choice, name), KINDS if column == "kind" else {})
    if room.run:
        with right:
            _choose(
                reading,
                state,
                "num_controls",
                "Controls mixed in",
                CONTROLS,
                choice.num_controls,
                title="{:,}".format,
                help="Images that the model does not doubt, among the others: do you find errors there too?",
            )
    key = f"review_queue_repeats_{reading.key}"
    st.checkbox(
        "Show some images twice",
        value=choice.repeats,
        key=key,
        help="One decided image in ten comes again after 50 others, without your verdict. The new one counts.",
        on_change=lambda: reading.choose(since=_now(state), repeats=bool(session.field_value(key))),
    )


def part_counts(reading: ReadingList, room: Room, state: ReaderState) -> Mapping[QueuePart, int]:
    """How many samples of the choice each part has now."""
    standing, order = state.current(), room.order(reading.choice, since=reading.since)

    def num(sample_ids: Any) -> int:
        return sum(room.is_chosen(order, sample_id) for sample_id in sample_ids)

    return {
        QueuePart.UNDECIDED: len(order.sample_ids) - num(standing.decided),
        QueuePart.NOTED: num(standing.noted(until=standing.head.sequence)),
        QueuePart.LATER: num(one for one in state.later if one not in standing.decided),
    }


def show_jump(reading: ReadingList, room: Room) -> None:
    """A field for the id of a sample to go to, which is empty again when the reader went there."""
    jump = current_jump()
    key = f"review_jump_{jump.number if jump else 0}_{reading.key}"
    sample_id = st.text_input(
        "Go to image",
        key=key,
        placeholder="Its id, as sample_id in exports",
        on_change=_jump,
        args=(key, room, jump),
    ).strip()
    if sample_id:
        st.caption(f"No image has the id {sample_id[:40]!r}.")


def current_jump() -> Jump | None:
    """The sample that the reader asked for last."""
    return session.get("review_jump")


def _jump(key: str, room: Room, last: Jump | None) -> None:
    """last: the jump before. A field that closes may tell of its text once more."""
    sample_id = (session.field_value(key) or "").strip()
    if sample_id in room.rows and current_jump() == last:
        session.put("review_jump", Jump(sample_id, round(1000 * time.time())))


def _choose(
    reading: ReadingList,
    state: ReaderState,
    name: str,
    label: str,
    options: Sequence[Any] | Mapping[Any, str],
    value: Any,
    *,
    title: Callable[[Any], str],
    help: str | None = None,
) -> None:
    found = list(options)
    # Another field where the titles are others: Streamlit would take the value by its old title.
    titles = zlib.crc32("\n".join(map(title, found)).encode())
    key = f"review_queue_{name}_{titles}_{reading.key}"
    st.selectbox(
        label,
        found,
        index=found.index(value) if value in found else 0,
        format_func=title,
        key=key,
        help=help,
        on_change=lambda: reading.choose(since=_now(state), **{name: session.field_value(key)}),
    )


def _filter(
    reading: ReadingList,
    state: ReaderState,
    field: tuple[str, str],
    counts: Mapping[str, int],
    value: str | None,
    words: Mapping[str, str],
) -> None:
    """field: of QueueChoice, and its label. counts: of each value; words: for values that are no names."""
    name, label = field
    total = sum(counts.values())
    options = [None, *sorted({each for each in (*counts, value) if each})]

    def title(each: str | None) -> str:
        return _with(ALL, total) if each is None else _with(words.get(each, each), counts.get(each, 0))

    _choose(reading, state, name, label, options, value, title=title)


def _now(state: ReaderState) -> int:
    return state.current().head.sequence


def _with(text: str, num: int) -> str:
    return f"{text} ({num:,})"
