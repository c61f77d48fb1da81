"""Anchoring: what becomes of a reader's own label once the given one, the model's and its evidence are in view.

Readers who see a wrong proposal may change a right reading to it (automation bias). Source: Dratsch et al. 2023,
"Automation Bias in Mammography", Radiology 307 (4), e222176.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from overread.records import Decision, Protocol
from overread.review.chain import LedgerRow
from overread.review.row_rules import LABELLING_KINDS


@dataclass(frozen=True, slots=True)
class Anchoring:
    """Blind readings and the verdicts that followed them, in numbers."""

    num_readings: int = 0
    """Readings of a label after which a verdict of a label followed; the numbers below are of these."""
    num_kept: int = 0
    """The verdict's label is the reading's."""
    num_to_model: int = 0
    """It is the model's, and another one than the reading's."""
    num_to_given: int = 0
    """It is the given one, and another one than the reading's."""
    num_to_other: int = 0
    """It is a fourth one."""
    num_against_model: int = 0
    """Readings of another label than the model's: only these can have moved to it."""
    num_right: int = 0
    """Readings of the true label, where that is known."""
    num_right_turned_wrong: int = 0
    """Of these, those whose verdict is another label."""
    num_wrong: int = 0
    """Readings of another label than the true one, where that is known."""
    num_wrong_mended: int = 0
    """Of these, those whose verdict is the true label."""


def anchoring(
    readings: Iterable[LedgerRow], decisions: Iterable[Decision], truth: Mapping[str, str] | None = None
) -> Anchoring:
    """readings: of any protocol; only blind ones count. decisions: the standing ones. truth: sample id to true label,
    for the samples of which it is known.

    Without the truth it cannot be told which readings were right; only how often they moved, and where to.
    """
    read = {
        (row.reader, row.sample_id): row.chosen_label
        for row in readings
        if row.protocol == Protocol.BLIND and row.chosen_label
    }
    found = Anchoring()
    for decision in decisions:
        verdict = decision.verdict
        reading = read.get((verdict.reader, verdict.sample_id))
        if reading is None or verdict.kind not in LABELLING_KINDS:
            continue
        final, true = verdict.chosen_label, (truth or {}).get(verdict.sample_id)
        has_moved = final != reading
        to_model = has_moved and final == verdict.proposed_label
        to_given = has_moved and final == verdict.given_label
        found = replace(
            found,
            num_readings=found.num_readings + 1,
            num_kept=found.num_kept + (not has_moved),
            num_to_model=found.num_to_model + to_model,
            num_to_given=found.num_to_given + to_given,
            num_to_other=found.num_to_other + (has_moved and not (to_model or to_given)),
            num_against_model=found.num_against_model + (reading != verdict.proposed_label),
            num_right=found.num_right + (reading == true),
            num_right_turned_wrong=found.num_right_turned_wrong + (reading == true != final),
            num_wrong=found.num_wrong + (true is not None and reading != true),
            num_wrong_mended=found.num_wrong_mended + (reading != true == final),
        )
    return found
