"""The standing decisions of a ledger."""

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from sqlalchemy import Row

from overread.records import Decision
from overread.review.ledger_fold import LedgerFold
from overread.review.ledger_queries import decision_of


class DecisionFold(LedgerFold[list[Decision]]):
    """The standing decisions of one reader, or of all."""

    kinds = ("verdict", "undo")

    def clear(self) -> None:
        super().clear()
        self._verdicts: dict[tuple[str, str], list[Decision]] = {}
        """(reader, sample id) to the verdicts that were not undone, in sequence."""
        self._standing: list[Decision] | None = None

    def _add(self, rows: Iterable[Row[Any]]) -> None:
        for row in rows:
            of_sample = self._verdicts.setdefault((row.reader, row.sample_id), [])
            if row.kind == "verdict":
                of_sample.append(decision_of(row))
            else:
                of_sample[:] = [one for one in of_sample if one.verdict.idempotency_key != row.undone_key]
            self._standing = None

    def result(self) -> list[Decision]:
        """The newest one per reader and sample, oldest first."""
        if self._standing is None:
            newest = (of_sample[-1] for of_sample in self._verdicts.values() if of_sample)
            self._standing = sorted(newest, key=attrgetter("sequence"))
        return self._standing.copy()
