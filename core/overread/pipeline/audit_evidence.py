"""What readers, and the rounds on what they dispute, say of a study's labels: what an audit rests on."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import numpy as np
import pandas as pd

from overread.audit.outcomes import Outcome, label_outcomes
from overread.records import Decision
from overread.review.adjudication import independent_decisions, settled_by_rounds
from overread.review.final_labels import Settled
from overread.review.ledger import Ledger
from overread.review.row_rules import BULK


@dataclass(frozen=True, slots=True)
class Evidence:
    """At one moment."""

    decisions: Sequence[Decision]
    """The standing ones of all readers, oldest first."""
    independent: Sequence[Decision]
    """The same without what readers decided when they could know each other's labels."""
    settled: Mapping[str, Settled]
    """By sample id, what a round has settled."""

    @classmethod
    def of(cls, ledger: Ledger, *, until: int | None = None) -> Self:
        """until: as it was when this row was the ledger's newest; None: as it is."""
        return cls(
            ledger.decisions() if until is None else ledger.decisions_by(lambda row: row.sequence <= until),
            independent_decisions(ledger, until=until),
            settled_by_rounds(ledger, until=until),
        )

    def at(self, moment: datetime) -> Self:
        """As much of it as was there at that moment."""
        return type(self)(
            [each for each in self.decisions if each.decided_at <= moment],
            [each for each in self.independent if each.decided_at <= moment],
            {sample_id: one for sample_id, one in self.settled.items() if one.decided_at and one.decided_at <= moment},
        )

    def moments(self, sample_ids: frozenset[str]) -> list[datetime]:
        """When something was said of these samples, the earliest first."""
        said = [each.decided_at for each in self.decisions if each.verdict.sample_id in sample_ids]
        settled = [one.decided_at for sample_id, one in self.settled.items() if sample_id in sample_ids]
        return sorted([*said, *(moment for moment in settled if moment)])

    def outcomes(self, given: Mapping[str, str]) -> dict[str, Outcome]:
        """As `label_outcomes` has it; given: sample id to the label under audit."""
        return label_outcomes(self.decisions, given, self.settled)


def reading_pairs(order: pd.DataFrame, num_strata: int, decisions: Sequence[Decision]) -> tuple[np.ndarray, np.ndarray]:
    """(H, 3) int64: of each stratum's labels that two readers judged, how many both call wrong, one of them, none; and
    the same of the labels up to the first in the order that was not judged twice. Of more than two readers, the first
    two count. decisions: independent ones."""
    given = dict(zip(order["sample_id"], order["given_label"], strict=True))
    calls: dict[str, list[bool]] = defaultdict(list)
    for decision in decisions:
        verdict = decision.verdict
        if verdict.protocol != BULK and given.get(verdict.sample_id) == verdict.given_label:
            calls[verdict.sample_id].append(verdict.chosen_label != verdict.given_label)
    pairs, in_order = np.zeros((2, num_strata, 3), dtype=np.int64)
    has_gap = False
    for sample_id, stratum in zip(order["sample_id"], order["stratum"], strict=True):
        called = calls.get(sample_id, [])[:2]
        if len(called) < 2:
            has_gap = True
            continue
        pairs[stratum, 2 - sum(called)] += 1
        in_order[stratum, 2 - sum(called)] += not has_gap
    return pairs, in_order
