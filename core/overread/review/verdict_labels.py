"""The labels that a training keeps fixed, from the standing verdicts."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from overread.records import Decision, VerdictKind
from overread.review.final_labels import final_labels
from overread.verified_labels import Pins


def pinned_labels(samples: pd.DataFrame, classes: Sequence[str], decisions: Iterable[Decision]) -> Pins:
    """What the readers' verdicts pin.

    samples: samples.csv; classes: of the study, in its order; decisions: the standing ones of all readers.
    accept, reject and relabel pin the label that follows; ambiguous half of the given and half of the proposed one;
    exclude takes the sample out. Where readers differ, nobody could judge, the label is no class any more, or the
    source has changed the given label that a reader kept, nothing is pinned: as if nobody had decided.
    """
    decisions = list(decisions)
    numbers = {name: number for number, name in enumerate(classes)}
    finals = final_labels(decisions)
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
            case VerdictKind.EXCLUDE:
                is_excluded[place] = True
            case VerdictKind.ACCEPT | VerdictKind.RELABEL | VerdictKind.REJECT:
                if final.label in numbers and not is_outdated:
                    targets[place, numbers[final.label]] = 1
            case VerdictKind.AMBIGUOUS:
                pair = {final.given_label, proposed[row.sample_id]} & set(numbers)
                if len(pair) == 2 and not is_outdated:
                    targets[place, [numbers[label] for label in pair]] = 0.5
    return Pins(targets, is_excluded)
