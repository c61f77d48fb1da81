"""The policy dawid-skene: where readers differ, the label that is most probable by how each of them labels."""

from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np

from overread.detection.dawid_skene import MISSING, dawid_skene
from overread.records import Decision, VerdictKind
from overread.review.final_labels import Settled, verdict_label
from overread.review.row_rules import LABELLING_KINDS

MIN_READERS = 3
"""With two, the model cannot tell which of them errs."""
MIN_SHARED = 50
"""Samples that a reader must have labelled together with others. With fewer, the model is right no more often than the
majority (core/docs/results/experiments.md)."""
TIE = 1e-3
"""Difference of two labels' probabilities below which neither is the more probable."""


def settled_labels(decisions: Iterable[Decision]) -> dict[str, Settled]:
    """Sample id to the most probable of the labels that its readers gave, and its probability.

    decisions: the standing ones of all readers. accept, reject and relabel are votes for a label, exclude is one for
    a class of its own; the other verdicts are none. A sample on which two labels tie is left out, and so is one with a
    vote of a reader of whom too little is known; all are where there are fewer than MIN_READERS of the others.
    """
    votes: dict[str, dict[str, str]] = defaultdict(dict)
    for decision in decisions:
        if decision.verdict.kind in (*LABELLING_KINDS, VerdictKind.EXCLUDE):
            votes[decision.verdict.sample_id][decision.verdict.reader] = verdict_label(decision)
    num_shared = Counter(reader for of_sample in votes.values() if len(of_sample) > 1 for reader in of_sample)
    readers = sorted(reader for reader, number in num_shared.items() if number >= MIN_SHARED)
    columns = {reader: column for column, reader in enumerate(readers)}
    known = {sample_id: of_sample for sample_id, of_sample in votes.items() if of_sample.keys() <= columns.keys()}
    if len(readers) < MIN_READERS or not known:
        return {}
    labels = sorted({label for of_sample in known.values() for label in of_sample.values()})
    numbers = {label: number for number, label in enumerate(labels)}
    table = np.full((len(known), len(columns)), MISSING, dtype=np.int64)
    for row, sample_id in enumerate(sorted(known)):
        for reader, label in known[sample_id].items():
            table[row, columns[reader]] = numbers[label]
    posterior = dawid_skene(table, len(labels)).posterior
    return {
        sample_id: found
        for sample_id, probs in zip(sorted(known), posterior, strict=True)
        if (found := _most_probable({label: float(probs[numbers[label]]) for label in known[sample_id].values()}))
    }


def _most_probable(probs: dict[str, float]) -> Settled | None:
    """Of the labels that were given; None where two tie."""
    (label, highest), *others = sorted(probs.items(), key=lambda item: item[1], reverse=True)
    if others and highest - others[0][1] < TIE:
        return None
    # The last digits of the sums differ between machines.
    return Settled(label, round(highest, 6))
