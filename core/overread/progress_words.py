"""What a training is doing, in words: for the terminal and for the Train page."""

from overread.phases import PhaseKind

PREPARING = "Getting the images ready"
PICTURES = "Looking for near-identical images"
FEATURES = "Looking at every image"
SCORING = "Scoring every label"
TRIAL = "Trying whether networks help"
PHASES = {
    PhaseKind.PRETRAIN: "Learning what the images look like",
    PhaseKind.FOLD: "Comparing labels",
    PhaseKind.WARMUP: "Learning from the given labels",
    PhaseKind.ROUND: "Refining the labels",
    PhaseKind.FINAL: "Finishing the training",
}
NUMBERED = "{words}: {number} of {total}"
"""A phase of which there are several."""


def phase_words(name: str, names: tuple[str, ...] = ()) -> str:
    """A phase in words. name: as progress.jsonl has it; names: all of the training's, to tell how many are of a kind.

    A name that no phase has is returned as it is.
    """
    kind, _, number = name.partition(" ")
    try:
        words = PHASES[PhaseKind(kind)]
    except ValueError:
        return name
    total = sum(other.partition(" ")[0] == kind for other in names)
    return NUMBERED.format(words=words, number=number, total=total) if number and total > 1 else words


def first_words(num_proposed: int) -> str:
    """What can be done once the first proposals are there. num_proposed: how many these are."""
    if not num_proposed:
        return "no proposals yet; training continues"
    return f"{num_proposed} proposal{'' if num_proposed == 1 else 's'} can be reviewed; training continues"
