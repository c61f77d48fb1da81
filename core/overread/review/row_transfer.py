"""Rows that are copied into a ledger: from a backup unchanged, or from the ledger of the original study."""

from collections.abc import Sequence
from dataclasses import asdict, replace

from sqlalchemy import insert, text

from overread.review.chain import FIRST_HASH, KEYED, LedgerRow, with_hash
from overread.review.ledger import Ledger
from overread.review.schema import ledger as table


def restore_rows(ledger: Ledger, rows: Sequence[LedgerRow]) -> None:
    """Append rows of the same ledger unchanged; the first one follows the ledger's newest."""
    if rows:
        with ledger.writing() as connection:
            connection.execute(insert(table), [asdict(row) for row in rows])
            if connection.dialect.name == "postgresql":
                # While its statistics lack the study, the server goes through all of its rows to find one.
                connection.execute(text(f"ANALYZE {table.name}"))


def copy_rows(ledger: Ledger, rows: Sequence[LedgerRow]) -> None:
    """Fill an empty ledger with another one's rows, chained again under its own name and key."""
    own, previous_hash = [], FIRST_HASH
    for row in rows:
        row = with_hash(replace(row, study=ledger.study, previous_hash=previous_hash, chain=KEYED), ledger.key)
        previous_hash = row.hash
        own.append(row)
    restore_rows(ledger, own)
