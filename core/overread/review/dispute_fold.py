"""The disputes of a ledger: what readers differ on, and how far the rounds have come in which they look again."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Row

from overread.review.chain import LedgerRow
from overread.review.disputes import (
    ADJUDICATION_KIND,
    ROUND_KIND,
    SECOND_KIND,
    Dispute,
    Opinion,
    Round,
)
from overread.review.ledger_fold import LedgerFold
from overread.review.row_rules import KEEPING_KINDS, LABELLING_KINDS


class _Vote(NamedTuple):
    """A verdict."""

    key: str
    """Its idempotency key."""
    sequence: int
    given_label: str
    opinion: Opinion


class DisputeFold(LedgerFold[dict[str, Dispute]]):
    """By sample id, what readers have ever disputed when a round was opened, or dispute now.

    A sample that is in a round stays as it was when that was opened: verdicts that came later are no longer
    independent. Readers dispute a sample by the rule of `final_labels.final_labels`.
    """

    kinds = ("verdict", "undo", ROUND_KIND, SECOND_KIND, ADJUDICATION_KIND)

    def clear(self) -> None:
        super().clear()
        self._votes: dict[str, dict[str, list[_Vote]]] = {}
        """By sample id and reader: those that were not undone, in sequence."""
        self._in_rounds: dict[str, Dispute] = {}
        self._in_none: dict[str, Dispute] = {}
        self._touched: set[str] = set()
        """The samples with votes that `_in_none` does not know yet."""

    def result(self) -> dict[str, Dispute]:
        self._look_at_touched()
        return self._in_rounds | self._in_none

    def _add(self, rows: Iterable[Row[Any]]) -> None:
        for row in rows:
            if row.kind in ("verdict", "undo"):
                votes = self._votes.setdefault(row.sample_id, {}).setdefault(row.reader, [])
                if row.kind == "verdict":
                    votes.append(_vote(row))
                else:
                    votes[:] = [one for one in votes if one.key != row.undone_key]
                self._touched.add(row.sample_id)
            elif row.kind == ROUND_KIND:
                self._open(Round(row.verdict), row.sequence)
            elif row.sample_id in self._in_rounds:
                self._in_rounds[row.sample_id] = _answered(self._in_rounds[row.sample_id], row)

    def _open(self, opened: Round, sequence: int) -> None:
        self._look_at_touched()
        self._in_rounds |= self._in_none
        self._in_none.clear()
        for sample_id, dispute in self._in_rounds.items():
            if not dispute.is_settled:
                since = dispute.opened_at or sequence
                self._in_rounds[sample_id] = replace(dispute, rounds=dispute.rounds | {opened}, opened_at=since)

    def _look_at_touched(self) -> None:
        for sample_id in self._touched - self._in_rounds.keys():
            self._in_none.pop(sample_id, None)
            if dispute := _disputed(sample_id, self._votes[sample_id]):
                self._in_none[sample_id] = dispute
        self._touched.clear()


def _vote(row: Row[Any]) -> _Vote:
    """Its label is as of `final_labels.verdict_label`."""
    keeps = row.verdict in KEEPING_KINDS
    doubt = row.verdict if keeps and row.verdict not in LABELLING_KINDS else ""
    opinion = Opinion(row.given_label if keeps else row.chosen_label, row.note, doubt)
    return _Vote(row.idempotency_key, row.sequence, row.given_label, opinion)


def _disputed(sample_id: str, votes: Mapping[str, list[_Vote]]) -> Dispute | None:
    newest = {reader: of_reader[-1] for reader, of_reader in votes.items() if of_reader}
    if len({vote.opinion.label for vote in newest.values()}) < 2:
        return None
    last = max(newest.values(), key=lambda vote: vote.sequence)
    return Dispute(sample_id, last.given_label, {reader: vote.opinion for reader, vote in newest.items()})


def _answered(dispute: Dispute, row: Row[Any]) -> Dispute:
    if row.kind == ADJUDICATION_KIND:
        return replace(dispute, adjudication=LedgerRow(*tuple(row)), decided_at=row.recorded_at)
    second = {**dispute.second, row.reader: Opinion(row.chosen_label, row.note)}
    return replace(dispute, second=second, decided_at=row.recorded_at)
