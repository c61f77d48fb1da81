"""What a reader needs to judge a sample: both labels, the error probability, and the progress of the review."""

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from overread.records import Proposal
from overread_app.components.charts import class_colours


def show_progress(num_decided: int, num_proposed: int) -> None:
    """How many of the proposals this reader has decided."""
    share = 100 * num_decided / num_proposed if num_proposed else 0
    st.html(
        '<div class="reading-progress" role="progressbar" aria-label="Proposals reviewed" '
        f'aria-valuemin="0" aria-valuemax="{num_proposed}" aria-valuenow="{num_decided}">'
        f'<div class="track"><div class="fill" style="width:{share:.2f}%"></div></div>'
        f"<span><b>{num_decided:,}</b> of {num_proposed:,} reviewed</span></div>"
    )


def show_readings(
    proposal: Proposal,
    classes: Sequence[str],
    *,
    probability: float,
    is_corrected: bool,
    kind: str = "",
    is_demo: bool,
) -> None:
    """The given and the proposed label side by side, in neutral words; for a sample that is not proposed, the most
    probable other label.

    probability: that the given label is wrong, in [0, 1]; is_corrected: by the reader's own verdicts. kind: the text of
    `kind_words`. is_demo: the image is marked as synthetic.
    """
    colours = class_colours(classes)
    title, other = ("The readings differ", "Model’s reading")
    if not proposal.is_proposed:
        title, other = ("Below the proposal threshold", "Most likely other")
    note = "<span>Demo: a synthetic image</span>" if is_demo else ""
    # No digits near 0 and 1, where they would claim too much.
    details = [f"{probability:.2f}"] if 0.025 <= probability < 0.985 else []
    details += ["corrected by your verdicts"] if is_corrected else []
    number = f" <span>({', '.join(details)})</span>" if details else ""
    st.html(
        f'<section class="readings" aria-label="{title}"><h2>{title}{note}</h2>'
        f'<div class="pair">{_reading("Given label", proposal.given_label, colours)}'
        f"{_reading(other, proposal.proposed_label, colours)}</div>"
        f"{f'<p class=kind>{escape(kind)}</p>' if kind else ''}"
        f"<p>Estimated chance that the given label is wrong: <b>{likelihood(probability)}</b>{number}</p></section>"
    )


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


def _reading(title: str, label: str, colours: Mapping[str, str]) -> str:
    dot = f'<i style="background:{colours.get(label, "transparent")}"></i>'
    return f'<div><h3>{title}</h3><p class="label">{dot}{escape(label)}</p></div>'
