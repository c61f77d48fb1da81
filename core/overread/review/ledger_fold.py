"""What is derived from a ledger's rows, read once and then kept up with the rows that are added.

The ledger is append-only: what was folded stays true as long as the row that it was folded up to is still there.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Generic, TypeVar, cast

from sqlalchemy import URL, Row

from overread.review.ledger_state import Head

NUM_KEPT = 64
"""Folds in memory, over all kinds, studies and readers of this process."""

Result = TypeVar("Result")


class LedgerFold(ABC, Generic[Result]):
    """What is derived from the rows of one reader, or of all, up to a row of the ledger."""

    kinds: ClassVar[tuple[str, ...]]
    """Of the rows that count."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        """To hold while the fold is used: all threads share it."""
        self.clear()

    @abstractmethod
    def clear(self) -> None:
        """Forget everything: the ledger was replaced by a backup."""
        self.head = Head()

    def bring_to(self, head: Head, rows: Iterable[Row[Any]]) -> None:
        """Fold in the rows up to `head`, in sequence."""
        try:
            self._add(rows)
        except BaseException:
            self.clear()  # else those that were folded in would be so again
            raise
        self.head = head

    @abstractmethod
    def _add(self, rows: Iterable[Row[Any]]) -> None: ...

    @abstractmethod
    def result(self) -> Result:
        """The caller's own: later rows do not change it."""


_folds: dict[tuple[type[LedgerFold[Any]], URL, str, str | None], LedgerFold[Any]] = {}
_lock = threading.Lock()


def shared_fold(kind: type[LedgerFold[Result]], url: URL, study: str, reader: str | None = None) -> LedgerFold[Result]:
    """The fold of a study's ledger that all threads of this process share; reader None: of all readers."""
    with _lock:
        fold = _folds.pop((kind, url, study, reader), None) or kind()
        _folds[kind, url, study, reader] = fold  # last: used most recently
        while len(_folds) > NUM_KEPT:
            del _folds[next(iter(_folds))]
        return cast(LedgerFold[Result], fold)
