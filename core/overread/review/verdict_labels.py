"""Verified labels from the standing verdicts."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from overread.records import Decision, VerdictKind
from overread.review.disputes import DisputeState
from overread.review.final_labels import LabelPolicy, Settled, final_labels
from overread.verified_labels import VerifiedLabels


def verified_labels(
    samples: pd.DataFrame,
    classes: Sequence[str],
    decisions: Iterable[Decision],
    settled: Mapping[str, Settled] | None = None,
) -> VerifiedLabels:
    """The labels that the readers' verdicts verify.

    samples: samples.csv; classes: of the study, in its order; decisions: the standing ones of all readers;
    settled: what a round has come to (`disputes.resolutions`), by sample.
    accept, reject and relabel verify the resulting label; ambiguous verifies the given and the proposed one, half each;
    exclude takes the sample out, and so does an adjudicator who excludes it. A sample counts as undecided if readers
    disagree, nobody could judge it, the label is no longer a class, or the source has since changed the given label
    that a reader kept.
    """
    decisions = list(decisions)
    numbers = {name: number for number, name in enumerate(classes)}
    finals = final_labels(decisions, LabelPolicy.ADJUDICATED, settled)
    # Of several readers who find a sample ambiguous the newest verdict counts, as in its final label.
    proposed = {d.verdict.sample_id: d.verdict.proposed_label for d in sorted(decisions, key=lambda d: d.sequence)}
    targets = np.zeros((len(samples), len(classes)))
    is_excluded = np.zeros(len(samples), dtype=bool)
    for place, row in enumerate(samples.itertuples()):
        final = finals.get(row.sample_id)
        if final is None:
            continue
        is_outdated = final.label == final.given_label != row.given_label
        match final.verdict:
            case VerdictKind.EXCLUDE | DisputeState.ADJUDICATED | DisputeState.AGREED if not final.label:
                is_excluded[place] = True
            case (
                VerdictKind.ACCEPT
                | VerdictKind.RELABEL
                | VerdictKind.REJECT
                | DisputeState.ADJUDICATED
                | DisputeState.AGREED
            ):
                if final.label in numbers and not is_outdated:
                    targets[place, numbers[final.label]] = 1
            case VerdictKind.AMBIGUOUS:
                pair = {final.given_label, proposed[row.sample_id]} & set(numbers)
                if len(pair) == 2 and not is_outdated:
                    targets[place, [numbers[label] for label in pair]] = 0.5
    return VerifiedLabels(targets, is_excluded)
