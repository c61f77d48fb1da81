"""Which views of a sample doubt its given label: the scorers' columns, in words."""

from collections.abc import Mapping
from html import escape

import streamlit as st

VIEWS = {
    "self_confidence": "The image itself",
    "cross_validated": "The image itself",
    "neighbours": "Similar images",
    "networks": "Separate networks",
    "rounds": "Rounds of training",
    "margin_area": "How it was learnt",
    "duplicates": "The same picture",
    "raters": "Other raters",
}
"""A scorer of each kind, by what a reader knows it as; margin and entropy say nothing that the first doesn't."""
DOUBTS = 2 / 3
FITS = 1 / 3
WORDS = {"doubts": "doubts it", "unsure": "undecided", "fits": "agrees"}


def show_votes(scores: Mapping[str, float]) -> None:
    """scores: by scorer, the sample's values in [0, 1]: score_<scorer> of scores.csv."""
    votes = {VIEWS[name]: vote(scores[name]) for name in VIEWS if name in scores}
    # Images of the same picture that agree may say nothing, for labels are copied as images are.
    if not scores.get("duplicates"):
        votes.pop(VIEWS["duplicates"], None)
    if not votes:
        return
    num_doubts = sum(each == "doubts" for each in votes.values())
    rows = "".join(
        f'<li class="{each}"><i></i><span>{escape(view)}</span><b>{WORDS[each]}</b></li>'
        for view, each in votes.items()
    )
    st.html(
        f'<h3 class="evidence-title">Views of the given label<span>{num_doubts} of {len(votes)} doubt it</span></h3>'
        f'<ul class="votes">{rows}</ul>'
    )


def vote(score: float) -> str:
    """doubts, unsure or fits. score: in [0, 1], higher is more likely wrong."""
    if score >= DOUBTS:
        return "doubts"
    return "unsure" if score > FITS else "fits"
