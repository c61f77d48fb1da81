"""A reader's choice of what to review, and in what order."""

from dataclasses import dataclass
from enum import StrEnum

from overread.errors import ConfigError

MAX_CONTROLS = 50
"""Samples that neither the run nor the reader has chosen, which may be mixed into a queue at the most."""


class QueueOrder(StrEnum):
    """How a queue is sorted."""

    PROBABILITY = "probability"
    """The most probable label error first."""
    PACE = "errors per minute"
    """The most wrong labels expected for a minute's reading first."""
    CLASS_PAIR = "class pair"
    """One pair of given and likely label after the other, that with the most expected errors first."""
    RANDOM = "random"


class QueuePart(StrEnum):
    """Which of the chosen samples a reader is shown, by what they did with them."""

    UNDECIDED = "undecided"
    NOTED = "noted"
    """Decided with a note."""
    LATER = "later"
    """Put off."""


@dataclass(frozen=True, slots=True)
class QueueChoice:
    """Which samples are reviewed, in what order. A filter that is None lets every sample through.

    Raises ConfigError for an order or a part that there is not, a probability outside [0, 1], or a negative number of
    controls.
    """

    order: QueueOrder = QueueOrder.PROBABILITY
    given: str | None = None
    """The given label."""
    likely: str | None = None
    """The label beside it, by `queue.likely_labels`."""
    min_probability: float | None = None
    """All samples with at least this error probability, proposed by the run or not; None: the run's proposals."""
    kind: str | None = None
    """As in scores.csv."""
    slide: str | None = None
    """As in samples.csv: the keyed hash."""
    group: tuple[str, str] | None = None
    """Another column that groups samples (a split, a rater's label, near-duplicates), and its value."""
    selection: str | None = None
    """A stored set of sample ids, by its name (`selections`)."""
    only: QueuePart = QueuePart.UNDECIDED
    num_controls: int = 0
    """How many samples that are neither proposed nor chosen are mixed in (all of them, where there are fewer)."""
    repeats: bool = False
    """Whether some decided samples come again, for the reader's consistency (`queue.due_repeats`)."""

    def __post_init__(self) -> None:
        for name, kinds in (("order", QueueOrder), ("only", QueuePart)):
            value = getattr(self, name)
            if value not in list(kinds):
                raise ConfigError(f"{name} {value!r} of a queue is not one of {', '.join(kinds)}")
            object.__setattr__(self, name, kinds(value))  # it is text where the choice was read from JSON
        if self.group is not None:
            object.__setattr__(self, "group", tuple(self.group))
        if self.min_probability is not None and not 0 <= self.min_probability <= 1:
            raise ConfigError(f"min_probability {self.min_probability} of a queue is not a probability (0 to 1)")
        if self.num_controls < 0:
            raise ConfigError(f"num_controls {self.num_controls} of a queue is negative; choose 0 or more")


def blind_choice(choice: QueueChoice) -> QueueChoice:
    """What a choice allows where samples are labelled blind: no order and no filter that tells of their labels or
    probabilities, nor a repeat, since nothing is read blind twice."""
    return QueueChoice(QueueOrder.RANDOM, only=choice.only, num_controls=min(choice.num_controls, MAX_CONTROLS))
