"""Samples that a reader decided twice without being told: how consistent the reader is."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from overread.review.chain import LedgerRow
from overread.review.queue import REPEAT_GAP, is_repeated
from overread.review.row_rules import BULK, LABELLING_KINDS


@dataclass(frozen=True, slots=True)
class Repeat:
    """A reader's labels for a sample that came twice."""

    reader: str
    sample_id: str
    first_label: str
    second_label: str


def repeats(rows: Iterable[LedgerRow]) -> list[Repeat]:
    """rows: the ledger's, in sequence.

    A repeat is a verdict on one of the samples that come again (`queue.due_repeats`) that follows the reader's first
    one with `REPEAT_GAP` verdicts in between; one that follows sooner is a correction. Both must say what the image
    shows, and neither may be undone.
    """
    rows = list(rows)
    undone = {row.undone_key for row in rows if row.kind == "undo"}
    seen: dict[str, dict[str, tuple[int, LedgerRow]]] = defaultdict(dict)
    """Reader to idempotency key to the number of the verdict among the reader's, and its row."""
    found = []
    for row in rows:
        if row.kind != "verdict" or row.idempotency_key in undone or row.protocol == BULK:
            continue
        of_reader = seen[row.reader]
        of_reader[row.idempotency_key] = (len(of_reader), row)
        if row.follows not in of_reader:
            continue
        number, first = of_reader[row.follows]
        is_due = not first.follows and is_repeated(row.sample_id) and len(of_reader) - 2 - number >= REPEAT_GAP
        if is_due and {first.verdict, row.verdict} <= set(LABELLING_KINDS):
            found.append(Repeat(row.reader, row.sample_id, first.chosen_label, row.chosen_label))
    return found
