"""The choice of a queue on the Review page: which samples, in what order; and the way to a single one."""

import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from overread.review.assignment import current_assignment
from overread.review.queue import chosen_samples, matches
from overread.review.queue_choice import MAX_CONTROLS, QueueOrder, QueuePart
from overread_app import session
from overread_app.boundary import plain_text
from overread_app.reading.open_rooms import NEAR_DUPLICATES
from overread_app.reading.page_data import Jump
from overread_app.reading.reader_state import ReaderState
from overread_app.reading.room import Room
from overread_app.reading.seat import share_of
from overread_app.reading_list import ReadingList
from overread_app.words.catalogue import Words

ORDERS = {
    QueueOrder.PROBABILITY: "queue.probability",
    QueueOrder.PACE: "queue.pace",
    QueueOrder.CLASS_PAIR: "queue.class_pair",
    QueueOrder.RANDOM: "queue.random",
}
"""Their keys in the catalogue; of those without a model, `UNREAD_ORDERS`."""
UNREAD_ORDERS = {QueueOrder.RANDOM: "queue.random", QueueOrder.CLASS_PAIR: "queue.class"}
KINDS = ("relabel", "ambiguous", "outlier", "duplicate")
CONTROLS = (0, 5, 10, 20, MAX_CONTROLS)
NUM_GROUPS = 500
"""Groups of a column that the menu offers, the largest."""
MAX_VALUE_LENGTH = 40
GROUPS = ("patient", "split", NEAR_DUPLICATES)
"""Columns with a title of their own."""


def show_queue_fields(reading: ReadingList, room: Room, state: ReaderState, *, is_gallery: bool = False) -> None:
    """The fields of a queue's choice, each with its numbers of images; where images are labelled alone first, only
    those that tell nothing of an image. is_gallery: without those that say what comes to a reader when, where all of
    its images are seen at once."""
    show_selection(reading, state)
    choice, numbers, words = reading.choice, part_counts(reading, room, state), session.words()
    left, right = st.columns(2, gap="small")
    with left:
        if reading.is_blind:
            st.caption(words("queue.blind"))
        else:
            orders = {each: words(key) for each, key in (ORDERS if room.run else UNREAD_ORDERS).items()}
            _choose(reading, state, "order", words("queue.order"), orders, choice.order, title=orders.__getitem__)
    if not is_gallery:
        with right:
            parts = {part: _with(words(f"queue.{part.value}"), numbers[part], words) for part in QueuePart}
            _choose(reading, state, "only", words("queue.show"), parts, choice.only, title=parts.__getitem__)
    if not reading.is_blind:
        _show_filters(reading, room, state, left, right)
    if is_gallery:
        return
    if room.drawn is not None:
        with right:
            st.caption(words("audit.mixed_in"))
    elif room.run:
        with right:
            _choose(
                reading,
                state,
                "num_controls",
                words("queue.controls"),
                CONTROLS,
                choice.num_controls,
                title=words.number,
                help=words("queue.controls_help"),
            )
    if not reading.is_blind:
        key = f"review_queue_repeats_{reading.key}"
        st.checkbox(
            words("queue.repeats"),
            value=choice.repeats,
            key=key,
            help=words("queue.repeats_help"),
            on_change=lambda: reading.choose(since=_now(state), repeats=bool(session.field_value(key))),
        )


def _show_filters(reading: ReadingList, room: Room, state: ReaderState, left: Any, right: Any) -> None:
    """By label, kind, slide and group, in two columns."""
    choice, table, words = reading.choice, room.table(reading.choice), session.words()
    titled = _titles(state, words)
    filters: list[tuple[Any, str, str, np.ndarray]] = [(left, "given", "given_label", room.given)]
    if room.run:
        filters.append((right, "likely", "likely_label", room.likely))
    if any(room.kinds):
        filters.append((left, "kind", "kind", room.kinds))
    if any(room.slides):
        filters.append((right, "slide", "slide", room.slides))
    columns = {column for *_, column, _ in filters} | {"group", "selection"}
    is_chosen = chosen_samples(table, choice.min_probability)
    kinds = {kind: words(f"queue.{kind}") for kind in KINDS}
    for place, name, column, values in filters:
        # How many each value gives, the other filters being as they are.
        is_counted = is_chosen & matches(table, choice, columns=columns - {column})
        counts = Counter(values[is_counted].tolist())
        with place:
            _filter(reading, state, name, counts, getattr(choice, name), kinds if column == "kind" else {}, titled)
    show_group_fields(reading, room, state, is_chosen & matches(table, choice, columns=columns - {"group"}))


def show_group_fields(reading: ReadingList, room: Room, state: ReaderState, is_counted: np.ndarray) -> None:
    """The column that groups the samples, and which of its groups; choosing a column begins with the largest group.

    is_counted: (N,) bool: the samples that pass all other filters."""
    counts = {name: Counter(values[is_counted & (values != "")].tolist()) for name, values in room.groups.items()}
    columns = [name for name, numbers in counts.items() if numbers]
    if not columns:
        return
    group, words = reading.choice.group, session.words()
    left, right = st.columns(2, gap="small")

    def choose(column: str | None, value: str | None = None) -> None:
        if column is not None and value is None:
            value = counts[column].most_common(1)[0][0]
        reading.choose(since=_now(state), group=None if column is None else (column, value))

    titles_of = {None: words("queue.all")} | {name: group_title(name, words) for name in columns}
    options = list(titles_of)
    key = field_key("review_queue_group", reading, titles_of.values())
    left.selectbox(
        words("queue.group"),
        options,
        index=options.index(group[0]) if group and group[0] in options else 0,
        format_func=titles_of.__getitem__,
        key=key,
        on_change=lambda: choose(session.field_value(key)),
    )
    if group and group[0] in columns:
        column, value = group
        values = [each for each, _ in counts[column].most_common(NUM_GROUPS)]
        values += [] if value in values else [value]
        titled = _titles(state, words)
        titles = {each: titled(each[:MAX_VALUE_LENGTH], counts[column].get(each, 0)) for each in values}
        value_key = field_key(f"review_queue_group_{column}", reading, titles.values())
        right.selectbox(
            titles_of[column],
            values,
            index=values.index(value),
            format_func=titles.__getitem__,
            key=value_key,
            on_change=lambda: choose(column, session.field_value(value_key)),
        )


def group_title(column: str, words: Words) -> str:
    """A column that groups samples, in words: those that every study may have, and the source's own name of others."""
    if column in GROUPS:
        return words(f"queue.{column.replace('-', '_')}")
    return column.removeprefix("rater_").replace("_", " ").capitalize()


def show_selection(reading: ReadingList, state: ReaderState) -> None:
    """That only a selection made on Insights is shown, and the way back to all."""
    if reading.choice.selection is None:
        return
    words = session.words()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(words("queue.selection"), width="content")
        st.button(
            words("queue.show_all"),
            key=f"review_queue_unselect_{reading.key}",
            on_click=lambda: reading.choose(since=_now(state), selection=None, min_probability=None),
        )


def part_counts(reading: ReadingList, room: Room, state: ReaderState) -> Mapping[QueuePart, int]:
    """How many samples of the choice each part has now."""
    standing = state.current()
    order = room.order(reading.choice, timed=standing.until(reading.since))
    order = share_of(room, order, state.ledger, standing, reading.reader)

    def num(sample_ids: Any) -> int:
        return sum(room.is_chosen(order, sample_id) for sample_id in sample_ids)

    return {
        QueuePart.UNDECIDED: len(order.sample_ids) - num(standing.decided),
        QueuePart.NOTED: num(standing.noted(until=standing.num_given)),
        QueuePart.LATER: num(one for one in state.later if one not in standing.decided),
    }


def show_jump(reading: ReadingList, room: Room, state: ReaderState) -> None:
    """A field for the id of a sample to go to, which is empty again when the reader went there."""
    jump, words = current_jump(), session.words()
    key = f"review_jump_{jump.number if jump else 0}_{reading.key}"
    sample_id = st.text_input(
        words("queue.jump"),
        key=key,
        placeholder=words("queue.jump_hint"),
        on_change=_jump,
        args=(key, room, state, jump),
    ).strip()
    if sample_id:
        key = "queue.not_found_blind" if reading.is_blind else "queue.not_found"
        st.caption(words(key, id=plain_text(sample_id[:MAX_VALUE_LENGTH])))


def current_jump() -> Jump | None:
    """The sample that the reader asked for last."""
    return session.get("review_jump")


def _jump(key: str, room: Room, state: ReaderState, last: Jump | None) -> None:
    """last: the jump before. A field that closes may tell of its text once more."""
    sample_id = (session.field_value(key) or "").strip()
    if current_jump() == last and room.may_open(sample_id, state.known.revealed):
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
    name: str,
    counts: Mapping[str, int],
    value: str | None,
    names: Mapping[str, str],
    titled: Callable[[str, int], str],
) -> None:
    """name: of a field of QueueChoice. counts: of each value; names: of values that are codes; titled: of `_titles`."""
    words = session.words()
    total = sum(counts.values())
    options = [None, *sorted({each for each in (*counts, value) if each})]

    def title(each: str | None) -> str:
        if each is None:
            return titled(words("queue.all"), total)
        return titled(names.get(each, each), counts.get(each, 0))

    _choose(reading, state, name, words(f"queue.{name}"), options, value, title=title)


def _now(state: ReaderState) -> int:
    """As the reader saw the page: a field takes a choice where the ledger cannot be reached, too."""
    return state.known.num_given


def _titles(state: ReaderState, words: Words) -> Callable[[str, int], str]:
    """Of an entry and its number of images in the study. Where these are shared among readers, without the number: the
    reader gets a part of them."""
    if current_assignment(state.ledger) is not None:
        return lambda text, _: text
    return lambda text, num: _with(text, num, words)


def _with(text: str, num: int, words: Words) -> str:
    return words("queue.counted", text=text, number=num)
