"""Which scorers disagree with a sample's given label, in words."""

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


def vote(score: float) -> str:
    """doubts, unsure or fits. score: in [0, 1], higher is more likely wrong."""
    if score >= DOUBTS:
        return "doubts"
    return "unsure" if score > FITS else "fits"


def consensus_words(label: str, voters: str) -> str:
    """The consensus in a sentence, or "" where there is none. label: `consensus` of scores.csv; voters: `consensus_of`,
    "3 stages" or "4 classifiers"."""
    if not label:
        return ""
    number, _, kind = voters.partition(" ")
    return f"Consensus: {label} at every stage" if kind == "stages" else f"All {number} classifiers say {label}"
