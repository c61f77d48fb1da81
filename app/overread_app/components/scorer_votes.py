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
