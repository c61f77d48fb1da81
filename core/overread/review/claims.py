"""Claims: the samples that a reader of an assigned study holds for now, so that no other one reads them by chance."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select, update

from overread.review.accounts import Accounts
from overread.review.assignment import Assignment
from overread.review.ledger import Ledger
from overread.review.roles import Action, require
from overread.review.schema import claims

NUM_LEFT = 5
"""A reader gets the next batch when fewer samples than these are left of theirs: the browser asks for some ahead."""
RENEWED_S = 60.0
"""A reader's leases are renewed at most once in so many seconds."""


@dataclass(frozen=True, slots=True)
class ReaderShare:
    """How far a reader is: numbers alone, without what they decided."""

    reader: str
    num_read: int
    num_claimed: int
    """Samples that they hold now and have not read."""


@dataclass(frozen=True, slots=True)
class AssignmentProgress:
    """How far the readers of an assigned study are."""

    num_samples: int
    num_read_once: int
    """Read by at least one reader."""
    num_read_by_all: int
    """Read by as many readers as they are due for."""
    num_claimed: int
    """Claims that hold now, of samples that their reader has not read."""
    num_expired: int
    """Claims whose lease has ended, of samples that are still to be read: others may take them."""
    readers: tuple[ReaderShare, ...]
    """By name."""


def held_samples(ledger: Ledger, reader: str) -> frozenset[str]:
    """The ids of the samples that a reader holds now, read ones among them."""
    own = select(claims.c.sample_id).where(claims.c.study == ledger.study, claims.c.reader == reader)
    with ledger.reading() as connection:
        if connection is None:
            return frozenset()
        return frozenset(connection.execute(own.where(claims.c.expires_s > time.time())).scalars())


def claim_batch(ledger: Ledger, assignment: Assignment, reader: str, order: Iterable[str]) -> list[str]:
    """Claim the next batch for a reader, and return its ids: of `order`, those that fewer readers than are due have
    read or hold. Two readers who ask at once never get more of one sample than are due. Raises LedgerError."""
    gone = {account.name for account in Accounts.open().all() if account.disabled_at}
    with ledger.writing() as connection:
        now_s = time.time()
        taken = {(each.verdict.sample_id, each.verdict.reader) for each in ledger.decisions_within(connection)}
        # Ended for good: an account that is enabled again would else hold what others have got meanwhile.
        connection.execute(delete(claims).where(claims.c.study == ledger.study, claims.c.reader.in_(gone)))
        of_study = select(claims.c.sample_id, claims.c.reader).where(claims.c.study == ledger.study)
        taken |= {(row.sample_id, row.reader) for row in connection.execute(of_study.where(claims.c.expires_s > now_s))}
        num_taken = Counter(sample_id for sample_id, _ in taken)
        batch: list[str] = []
        for sample_id in order:
            if len(batch) == assignment.batch:
                break
            if (sample_id, reader) not in taken and num_taken[sample_id] < assignment.num_due(sample_id):
                batch.append(sample_id)
        if batch:
            own = claims.c.study == ledger.study, claims.c.reader == reader
            connection.execute(delete(claims).where(*own, claims.c.expires_s <= now_s))
            fields = {"study": ledger.study, "reader": reader, "expires_s": now_s + assignment.lease_s}
            connection.execute(insert(claims), [fields | {"sample_id": sample_id} for sample_id in batch])
    return batch


def renew_claims(ledger: Ledger, assignment: Assignment, reader: str) -> None:
    """Let a reader's leases begin anew, those that have ended excepted: others may hold these by now."""
    now_s = time.time()
    own = claims.c.study == ledger.study, claims.c.reader == reader, claims.c.expires_s > now_s
    with ledger.reading() as connection:
        first_s = connection and connection.execute(select(func.min(claims.c.expires_s)).where(*own)).scalar()
    if first_s and first_s < now_s + assignment.lease_s - RENEWED_S:
        with ledger.writing() as connection:
            connection.execute(update(claims).where(*own).values(expires_s=now_s + assignment.lease_s))


def give_back(ledger: Ledger, reader: str) -> int:
    """End a reader's claims, so that others get the samples at once; how many there were. Raises LedgerError, and
    NotAllowedError for who is not the owner."""
    require(ledger.actor, Action.MANAGE)
    with ledger.writing() as connection:
        own = claims.c.study == ledger.study, claims.c.reader == reader
        return connection.execute(delete(claims).where(*own)).rowcount


def assignment_progress(ledger: Ledger, assignment: Assignment, sample_ids: Sequence[str]) -> AssignmentProgress:
    """How far the readers are with these samples. Raises NotAllowedError for who may not see others' work."""
    wanted = frozenset(sample_ids)
    read = {
        (each.verdict.sample_id, each.verdict.reader) for each in ledger.decisions() if each.verdict.sample_id in wanted
    }
    of_study = select(claims.c.sample_id, claims.c.reader, claims.c.expires_s).where(claims.c.study == ledger.study)
    with ledger.reading() as connection:
        rows = [] if connection is None else connection.execute(of_study).all()
    num_read = Counter(sample_id for sample_id, _ in read)
    due = {each for each in wanted if num_read[each] < assignment.num_due(each)}
    now_s = time.time()
    open_claims = [row for row in rows if row.sample_id in wanted and (row.sample_id, row.reader) not in read]
    held = [row.reader for row in open_claims if row.expires_s > now_s]
    by_reader, claimed = Counter(reader for _, reader in read), Counter(held)
    return AssignmentProgress(
        num_samples=len(wanted),
        num_read_once=len(num_read),
        num_read_by_all=sum(count >= assignment.num_due(sample_id) for sample_id, count in num_read.items()),
        num_claimed=len(held),
        num_expired=sum(row.expires_s <= now_s and row.sample_id in due for row in open_claims),
        readers=tuple(ReaderShare(name, by_reader[name], claimed[name]) for name in _names(by_reader, claimed)),
    )


def _names(*counted: Collection[str]) -> list[str]:
    return sorted({name for names in counted for name in names})
