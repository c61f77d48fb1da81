"""Which scorers disagree with a sample's given label, in words."""

from overread_app.words.catalogue import Words

VIEWS = {
    "self_confidence": "image",
    "cross_validated": "image",
    "neighbours": "neighbours",
    "networks": "separate",
    "rounds": "rounds",
    "margin_area": "dynamics",
    "duplicates": "duplicates",
    "raters": "raters",
}
"""Scorers, and what a reader is told that they look at, in the catalogue's section `evidence`. Margin and entropy are
left out: they repeat self_confidence."""
DOUBTS = 2 / 3
FITS = 1 / 3


def vote(score: float) -> str:
    """doubts, unsure or fits. score: in [0, 1], higher is more likely wrong."""
    if score >= DOUBTS:
        return "doubts"
    return "unsure" if score > FITS else "fits"


def consensus_words(label: str, voters: str, words: Words) -> str:
    """The consensus in a sentence, or "" where there is none. label: `consensus` of scores.csv; voters: `consensus_of`,
    "3 stages" or "4 classifiers"."""
    if not label:
        return ""
    number, _, kind = voters.partition(" ")
    if kind == "stages":
        return words("evidence.consensus_stages", label=label)
    return words("evidence.consensus_classifiers", number=number, label=label)
