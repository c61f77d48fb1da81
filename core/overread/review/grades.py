"""How grave readers found the wrong labels, by class pair."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from overread.records import Decision, Grade
from overread.review.row_rules import BULK, CHANGING_KINDS


@dataclass(frozen=True, slots=True)
class PairGrades:
    """The verdicts that changed one class into another, by their grade."""

    given_label: str
    chosen_label: str
    grades: dict[str, int]
    """Each `Grade`, and its number of verdicts."""
    num_ungraded: int


def grades_by_pair(decisions: Iterable[Decision]) -> list[PairGrades]:
    """decisions: the standing ones. A pair without any grade is left out, as are verdicts in bulk, which nobody can
    grade. The pairs with the most grades come first."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for verdict in (decision.verdict for decision in decisions):
        if verdict.kind in CHANGING_KINDS and verdict.protocol != BULK:
            counts.setdefault((verdict.given_label, verdict.chosen_label), Counter())[verdict.grade] += 1
    found = [
        PairGrades(given, chosen, {grade.value: of_pair[grade] for grade in Grade}, of_pair[""])
        for (given, chosen), of_pair in sorted(counts.items())
        if of_pair.keys() - {""}
    ]
    return sorted(found, key=lambda pair: -sum(pair.grades.values()))
