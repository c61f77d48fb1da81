"""Which scorers disagree with a sample's given label, in words."""

from collections.abc import Mapping
from html import escape

import streamlit as st

VIEWS = {
    "self_confidence": "The image itself",
    "cross_validated": "The image itself",
    "neighbours": "Similar images",
    "networks": "Separate networks",
    "rounds": "Training rounds",
    "margin_area": "Training dynamics",
    "duplicates": "Duplicate images",
    "raters": "Other raters",
}
"""Scorers, and their names for a reader. Margin and entropy are left out: they repeat self_confidence."""
DOUBTS = 2 / 3
FITS = 1 / 3
WORDS = {"doubts": "disagrees", "unsure": "undecided", "fits": "agrees"}


def show_votes(scores: Mapping[str, float]) -> None:
    """scores: by scorer, the sample's values in [0, 1]: score_<scorer> of scores.csv."""
    votes = {VIEWS[name]: vote(scores[name]) for name in VIEWS if name in scores}
    # Duplicates that agree are no evidence: labels are copied together with images.
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
        f'<h3 class="evidence-title">Evidence on the given label<span>{num_doubts} of {len(votes)} disagree</span></h3>'
        f'<ul class="votes">{rows}</ul>'
    )


def vote(score: float) -> str:
    """doubts, unsure or fits. score: in [0, 1], higher is more likely wrong."""
    if score >= DOUBTS:
        return "doubts"
    return "unsure" if score > FITS else "fits"
