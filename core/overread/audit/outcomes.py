"""What readers' verdicts say of each given label, for an audit."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from overread.records import Decision, VerdictKind
from overread.review.disputes import UNRESOLVED
from overread.review.final_labels import Settled, final_labels
from overread.review.row_rules import BULK


class Outcome(StrEnum):
    """Of the verdicts on one label."""

    RIGHT = "right"
    CORRECTED = "corrected"
    """Found wrong, and replaced."""
    EXCLUDED = "excluded"
    """The image has no label any more."""
    DISPUTED = "disputed"
    """Readers disagree, and no round has settled it; the label was kept."""
    NOT_JUDGED = "not judged"
    """The reader could not tell."""
    AMBIGUOUS = "ambiguous"
    """It fits more than one class."""

    @property
    def counts_as_wrong(self) -> bool:
        """In a bound from above, what is not known to be right is wrong. Ambiguous labels are counted apart."""
        return self not in (Outcome.RIGHT, Outcome.AMBIGUOUS)

    @property
    def is_mended(self) -> bool:
        """Whether the label is not among those still wrong."""
        return self in (Outcome.CORRECTED, Outcome.EXCLUDED)


def label_outcomes(
    decisions: Iterable[Decision], given: Mapping[str, str], settled: Mapping[str, Settled] = MappingProxyType({})
) -> dict[str, Outcome]:
    """By sample id, for those with a verdict on a single image.

    decisions: the standing ones of all readers; given: sample id to the label under audit. Verdicts on another given
    label do not count, nor do those in bulk, which are no careful reading. settled: by sample id, what a round on
    disputed labels came to (`disputes.resolutions`): that counts, and what could not be resolved stays disputed.
    """
    by_sample: dict[str, list[Decision]] = defaultdict(list)
    for decision in decisions:
        verdict = decision.verdict
        if verdict.protocol != BULK and given.get(verdict.sample_id) == verdict.given_label:
            by_sample[verdict.sample_id].append(decision)
    return {
        sample_id: _settled_outcome(settled[sample_id], given[sample_id]) if sample_id in settled else _outcome(several)
        for sample_id, several in by_sample.items()
    }


def bulk_changes(decisions: Iterable[Decision], given: Mapping[str, str]) -> set[str]:
    """The ids of the samples whose label was changed by a verdict in bulk."""
    return {
        decision.verdict.sample_id
        for decision in decisions
        if decision.verdict.protocol == BULK
        and decision.verdict.chosen_label != given.get(decision.verdict.sample_id, decision.verdict.chosen_label)
    }


def _settled_outcome(settled: Settled, given_label: str) -> Outcome:
    if settled.verdict == UNRESOLVED:
        return Outcome.DISPUTED
    if not settled.label:
        return Outcome.EXCLUDED
    return Outcome.RIGHT if settled.label == given_label else Outcome.CORRECTED


def _outcome(decisions: list[Decision]) -> Outcome:
    """decisions: one sample's."""
    [final] = final_labels(decisions).values()
    kinds = {decision.verdict.kind for decision in decisions}
    if len({decision.verdict.chosen_label for decision in decisions}) > 1:
        return Outcome.DISPUTED
    if not final.label:
        return Outcome.EXCLUDED
    if final.label != final.given_label:
        return Outcome.CORRECTED
    if VerdictKind.REJECT in kinds:
        return Outcome.RIGHT
    return Outcome.AMBIGUOUS if VerdictKind.AMBIGUOUS in kinds else Outcome.NOT_JUDGED
