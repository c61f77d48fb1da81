"""How a sample is described in words: its kind and its error probability; and a tally of verdicts."""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from html import escape

import streamlit as st

from overread_app.words.catalogue import Words


def kind_words(kind: str, words: Words, *, probs: Mapping[str, float], same_labels: Sequence[str]) -> str:
    """The kind of a proposal in words; empty for no kind.

    kind: of scores.csv. probs: by class, in [0, 1]. same_labels: the other labels of its duplicates.
    """
    match kind:
        case "relabel" | "outlier":
            return words(f"evidence.{kind}")
        case "ambiguous":
            first, second = sorted(probs, key=probs.__getitem__, reverse=True)[:2]
            return words("evidence.ambiguous", first=first, second=second)
        case "duplicate" if same_labels:
            return words("evidence.duplicate", labels=joined(dict.fromkeys(same_labels), words, "evidence.or"))
        case _:
            return ""


def joined(names: Iterable[str], words: Words, key: str) -> str:
    """Names in a row, each pair joined by the text of that key, whose places are `first` and `second`."""
    return reduce(lambda first, second: words(key, first=first, second=second), names)


def likelihood(probability: float, words: Words) -> str:
    """A probability in [0, 1] as a natural frequency."""
    if probability >= 0.985:
        return words("evidence.most")
    if probability >= 0.925:
        return words("evidence.nearly_all")
    if probability < 0.025:
        return words("evidence.few")
    if probability < 0.075:
        return words("evidence.hardly_any")
    return words("evidence.tenths", number=round(10 * probability))


def show_tally(counts: Mapping[str, int], words: Words) -> None:
    """Numbers of a reader's own verdicts, by kind."""
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{words.number(count)}</dd></div>" for name, count in counts.items()
    )
    st.html(f'<dl class="tally">{rows}</dl>')
