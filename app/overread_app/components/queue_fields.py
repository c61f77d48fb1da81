"""The choice of a queue on the Review page: which samples, in what order; and the way to a single one."""

import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from overread.review.queue import chosen_samples, matches
from overread.review.queue_choice import MAX_CONTROLS, QueueOrder, QueuePart
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
CONTROLS = (0, 5, 10, 20, MAX_CONTROLS)
ALL = "All"
NUM_GROUPS = 500
"""Groups of a column that the menu offers, the largest."""
MAX_VALUE_LENGTH = 40


def show_queue_fields(reading: ReadingList, room: Room, state: ReaderState, *, is_gallery: bool = False) -> None:
    """The fields of a queue's choice, each with its numbers of images; where images are labelled alone first, only
    those that tell nothing of an image. is_gallery: without those that say what comes to a reader when, where all of
    its images are seen at once."""
    show_selection(reading, state)
    choice, numbers = reading.choice, part_counts(reading, room, state)
    left, right = st.columns(2, gap="small")
    with left:
        if reading.is_blind:
            st.caption("In random order. You label each image before you see its labels.")
        else:
            orders = ORDERS if room.run else UNREAD_ORDERS
            _choose(reading, state, "order", "Order", orders, choice.order, title=orders.__getitem__)
    if not is_gallery:
        with right:
            _choose(
                reading, state, "only", "Show", PARTS, choice.only, title=lambda part: _with(PARTS[part], numbers[part])
            )
    if not reading.is_blind:
        _show_filters(reading, room, state, left, right)
    if is_gallery:
        return
    if room.drawn is not None:
        with right:
            st.caption("The audit’s sample is mixed in, unless you filter.")
    elif room.run:
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
    if not reading.is_blind:
        key = f"review_queue_repeats_{reading.key}"
        st.checkbox(
            "Show some images twice",
            value=choice.repeats,
            key=key,
            help="One decided image in ten comes again after 50 others, without your verdict. The new one counts.",
            on_change=lambda: reading.choose(since=_now(state), repeats=bool(session.field_value(key))),
        )


def _show_filters(reading: ReadingList, room: Room, state: ReaderState, left: Any, right: Any) -> None:
    """By label, kind, slide and group, in two columns."""
    choice, table = reading.choice, room.table(reading.choice)
    filters: list[tuple[Any, str, str, str, np.ndarray]] = [(left, "given", "Given label", "given_label", room.given)]
    if room.run:
        filters.append((right, "likely", "Most likely label", "likely_label", room.likely))
    if any(room.kinds):
        filters.append((left, "kind", "Kind", "kind", room.kinds))
    if any(room.slides):
        filters.append((right, "slide", "Slide", "slide", room.slides))
    columns = {column for *_, column, _ in filters} | {"group", "selection"}
    is_chosen = chosen_samples(table, choice.min_probability)
    for place, name, label, column, values in filters:
        # How many each value gives, the other filters being as they are.
        is_counted = is_chosen & matches(table, choice, columns=columns - {column})
        counts = Counter(values[is_counted].tolist())
        with place:
            _filter(reading, state, (name, label), counts, getattr(choice, name), KINDS if column == "kind" else {})
    show_group_fields(reading, room, state, is_chosen & matches(table, choice, columns=columns - {"group"}))


def show_group_fields(reading: ReadingList, room: Room, state: ReaderState, is_counted: np.ndarray) -> None:
    """The column that groups the samples, and which of its groups; choosing a column begins with the largest group.

    is_counted: (N,) bool: the samples that pass all other filters."""
    counts = {name: Counter(values[is_counted & (values != "")].tolist()) for name, values in room.groups.items()}
    columns = [name for name, numbers in counts.items() if numbers]
    if not columns:
        return
    group = reading.choice.group
    left, right = st.columns(2, gap="small")

    def choose(column: str | None, value: str | None = None) -> None:
        if column is not None and value is None:
            value = counts[column].most_common(1)[0][0]
        reading.choose(since=_now(state), group=None if column is None else (column, value))

    options = [None, *columns]
    key = f"review_queue_group_{reading.key}"
    left.selectbox(
        "One group of",
        options,
        index=options.index(group[0]) if group and group[0] in options else 0,
        format_func=lambda name: ALL if name is None else group_title(name),
        key=key,
        on_change=lambda: choose(session.field_value(key)),
    )
    if group and group[0] in columns:
        column, value = group
        values = [each for each, _ in counts[column].most_common(NUM_GROUPS)]
        values += [] if value in values else [value]
        titles = {each: _with(each[:MAX_VALUE_LENGTH], counts[column].get(each, 0)) for each in values}
        value_key = field_key(f"review_queue_group_{column}", reading, titles.values())
        right.selectbox(
            group_title(column),
            values,
            index=values.index(value),
            format_func=titles.__getitem__,
            key=value_key,
            on_change=lambda: choose(column, session.field_value(value_key)),
        )


def group_title(column: str) -> str:
    """A column that groups samples, in words."""
    return column.removeprefix("rater_").replace("_", " ").capitalize()


def show_selection(reading: ReadingList, state: ReaderState) -> None:
    """That only a selection made on Insights is shown, and the way back to all."""
    if reading.choice.selection is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown("Only the images that you selected on Insights", width="content")
        st.button(
            "Show all",
            key=f"review_queue_unselect_{reading.key}",
            on_click=lambda: reading.choose(since=_now(state), selection=None, min_probability=None),
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


def show_jump(reading: ReadingList, room: Room, state: ReaderState) -> None:
    """A field for the id of a sample to go to, which is empty again when the reader went there."""
    jump = current_jump()
    key = f"review_jump_{jump.number if jump else 0}_{reading.key}"
    sample_id = st.text_input(
        "Go to image",
        key=key,
        placeholder="Its id, as sample_id in exports",
        on_change=_jump,
        args=(key, room, state, jump),
    ).strip()
    if sample_id:
        where = "in this queue " if reading.is_blind else ""
        st.caption(f"No image {where}has the id {sample_id[:40]!r}.")


def current_jump() -> Jump | None:
    """The sample that the reader asked for last."""
    return session.get("review_jump")


def _jump(key: str, room: Room, state: ReaderState, last: Jump | None) -> None:
    """last: the jump before. A field that closes may tell of its text once more."""
    sample_id = (session.field_value(key) or "").strip()
    if current_jump() == last and room.may_open(sample_id, state.current().revealed):
        go_to(sample_id)


def go_to(sample_id: str) -> None:
    """Have the Review page show that sample next."""
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
    key = field_key(f"review_queue_{name}", reading, map(title, found))
    st.selectbox(
        label,
        found,
        index=found.index(value) if value in found else 0,
        format_func=title,
        key=key,
        help=help,
        on_change=lambda: reading.choose(since=_now(state), **{name: session.field_value(key)}),
    )


def field_key(name: str, reading: ReadingList, titles: Iterable[str]) -> str:
    """The key of a field with these titles. With others it is another field: Streamlit would take the value by its old
    title."""
    return f"{name}_{zlib.crc32(chr(10).join(titles).encode())}_{reading.key}"


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
