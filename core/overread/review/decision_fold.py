"""The standing decisions of a ledger, read once and then kept up with the rows that are added to it.

The ledger is append-only: what was folded stays true as long as the row that it was folded up to is still there.
"""

import threading
from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from sqlalchemy import URL, Row

from overread.records import Decision
from overread.review.ledger_queries import decision_of
from overread.review.ledger_state import Head

NUM_KEPT = 64
"""Folds in memory, over all studies and readers of this process."""


class DecisionFold:
    """The standing decisions of one reader, or of all, up to a row of the ledger."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        """To hold while the fold is used: all threads share it."""
        self.clear()

    def clear(self) -> None:
        """Forget everything: the ledger was replaced by a backup."""
        self.head = Head()
        self._verdicts: dict[tuple[str, str], list[Decision]] = {}
        """(reader, sample id) to the verdicts that were not undone, in sequence."""
        self._standing: list[Decision] | None = None

    def add(self, rows: Iterable[Row[Any]], head: Head) -> None:
        """Fold in the verdicts and undos up to `head`, in sequence."""
        for row in rows:
            of_sample = self._verdicts.setdefault((row.reader, row.sample_id), [])
            if row.kind == "verdict":
                of_sample.append(decision_of(row))
            else:
                of_sample[:] = [one for one in of_sample if one.verdict.idempotency_key != row.undone_key]
            self._standing = None
        self.head = head

    def decisions(self) -> list[Decision]:
        """The newest one per reader and sample, oldest first. The caller gets a list of its own."""
        if self._standing is None:
            newest = (of_sample[-1] for of_sample in self._verdicts.values() if of_sample)
            self._standing = sorted(newest, key=attrgetter("sequence"))
        return self._standing.copy()


_folds: dict[tuple[URL, str, str | None], DecisionFold] = {}
_lock = threading.Lock()


def shared_fold(url: URL, study: str, reader: str | None) -> DecisionFold:
    """The fold of a study's ledger that all threads of this process share; reader None: of all readers."""
    with _lock:
        fold = _folds.pop((url, study, reader), None) or DecisionFold()
        _folds[url, study, reader] = fold  # last: used most recently
        while len(_folds) > NUM_KEPT:
            del _folds[next(iter(_folds))]
        return fold
