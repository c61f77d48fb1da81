"""How a sample is described in words: its kind and its error probability; and a tally of verdicts."""

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st


def kind_words(kind: str, *, probs: Mapping[str, float], same_labels: Sequence[str]) -> str:
    """The kind of a proposal in words; empty for no kind.

    kind: of scores.csv. probs: by class, in [0, 1]. same_labels: the other labels of its duplicates.
    """
    match kind:
        case "relabel":
            return "Another class fits this image better"
        case "ambiguous":
            first, second = sorted(probs, key=probs.__getitem__, reverse=True)[:2]
            return f"Two classes fit: {first} and {second}"
        case "outlier":
            return "Looks unlike every class in this study"
        case "duplicate" if same_labels:
            return f"An almost identical image is labelled {' or '.join(dict.fromkeys(same_labels))}"
        case _:
            return ""


def likelihood(probability: float) -> str:
    """A probability in [0, 1] as a natural frequency."""
    if probability >= 0.985:
        return "98 in 100 or more"
    if probability >= 0.925:
        return "about 19 in 20"
    if probability < 0.025:
        return "2 in 100 or fewer"
    if probability < 0.075:
        return "about 1 in 20"
    return f"about {round(10 * probability)} in 10"


def show_tally(counts: Mapping[str, int]) -> None:
    """Numbers of a reader's own verdicts, by kind."""
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{count:,}</dd></div>" for name, count in counts.items())
    st.html(f'<dl class="tally">{rows}</dl>')
