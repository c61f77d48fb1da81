"""What limits a study's judgement: groups of one class each, classes with few labels, labels that are hard to predict.

If each slide holds images of one class, and a class comes from one or two slides, leaving a slide out leaves that class
without a witness: models of the other slides have hardly seen it. Labels can then be judged only within slides.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from overread.proposal_settings import LimitSettings


@dataclass(frozen=True)
class StudyLimits:
    """What a reader of the probabilities should know."""

    is_within_groups: bool
    """Groups hold one class each and are too few: samples are judged by others of their own group."""
    scarce_classes: tuple[int, ...]
    """Classes with few labels."""
    is_small: bool

    @classmethod
    def of(cls, given: np.ndarray, groups: np.ndarray, num_classes: int, settings: LimitSettings) -> "StudyLimits":
        """given: (N,) int64, the labels that may be fitted on; groups: (N,) int64, equal for samples that are not
        independent."""
        counts = np.bincount(given, minlength=num_classes)
        scarce = np.flatnonzero((counts > 0) & (counts < settings.min_class_size))
        return cls(_lacks_witnesses(given, groups, settings), tuple(scarce.tolist()), len(given) < settings.min_samples)

    def notes(self, classes: Sequence[str]) -> list[str]:
        """A sentence for each limit. classes: their names."""
        notes = []
        if self.is_within_groups:
            notes.append(
                "Nearly all images of a patient or slide have the same label, and a class has too few patients or "
                "slides to be judged by others. Labels are judged within patients and slides: a label that differs "
                "from the rest of its slide is found; a slide whose labels are all wrong is not."
            )
        if self.scarce_classes:
            names = ", ".join(classes[number] for number in self.scarce_classes)
            notes.append(f"Few labels to learn from: {names}. Take the probabilities of these classes as rough.")
        if self.is_small:
            notes.append("The study is small. Take its probabilities and counts as rough.")
        return notes


def _lacks_witnesses(given: np.ndarray, groups: np.ndarray, settings: LimitSettings) -> bool:
    """Whether groups mostly hold one class, and a class is in effect in fewer than `settings.min_class_groups`: its
    labels' share by group has the inverse of that number as its sum of squares."""
    labels, of_label = np.unique(given, return_inverse=True)
    numbers, of_group = np.unique(groups, return_inverse=True)
    if len(labels) < 2 or len(numbers) < 2:
        return False
    counts = np.bincount(of_label * len(numbers) + of_group, minlength=len(labels) * len(numbers))
    counts = counts.reshape(len(labels), len(numbers)).astype(float)
    purity = counts.max(axis=0).sum() / len(given)
    usual = counts.sum(axis=1).max() / len(given)
    num_groups = counts.sum(axis=1) ** 2 / (counts**2).sum(axis=1)
    is_small_class = num_groups >= counts.sum(axis=1) - 1e-9  # as many groups as samples: there is nothing to split
    return bool(purity > (1 + usual) / 2 and (num_groups[~is_small_class] < settings.min_class_groups).any())
