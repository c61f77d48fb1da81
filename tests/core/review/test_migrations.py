"""Ledgers that earlier programs left, with their rows, on both databases."""

from dataclasses import asdict
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData, Table, insert

from overread.review import database
from overread.review.accounts import Accounts
from overread.review.assignment import Assignment
from overread.review.chain import FIRST_HASH, KEYED, LedgerRow, with_hash
from overread.review.claims import claim_batch
from overread.review.ledger import Ledger
from overread.review.roles import Role
from tests.core.review.verdicts import verdict

KEY = b"key"
NEWER = {"0001": {"follows", "image_sha256", "chain", "grade", "identity"}, "0002": {"grade", "identity"}}
NEWER |= {"0003": {"identity"}, "0004": set()}
"""By schema, the columns that it lacks."""


def old_ledger(url, revision):
    """Two verdicts of ann's, one of them undone, as the program of that schema left them."""
    engine = database.open_engine(url)
    if engine.dialect.name == "sqlite":
        Path(engine.url.database).touch()
    with database.transaction(engine, is_writing=True) as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(database.__file__).with_name("migrations")))
        command.upgrade(config, revision)
        table = Table("ledger", MetaData(), autoload_with=connection)
        previous, rows = FIRST_HASH, []
        for sequence, (kind, sample_id, key, undone) in enumerate(
            [("verdict", "s1", "k1", ""), ("verdict", "s2", "k2", ""), ("undo", "s2", "k3", "k2")], start=1
        ):
            fields = {**dict.fromkeys(("protocol", "run", "note", "proposed_label"), ""), "elapsed_ms": 1, "score": 0.5}
            row = LedgerRow(
                **fields,
                study="study",
                sequence=sequence,
                kind=kind,
                sample_id=sample_id,
                reader="ann",
                given_label="normal",
                chosen_label="" if undone else "tumour",
                verdict="" if undone else "accept",
                recorded_at=f"2026-01-02T03:04:0{sequence}.000000+00:00",
                app_version="0.1.0",
                idempotency_key=key,
                undone_key=undone,
                previous_hash=previous,
                chain=1 if revision == "0001" else KEYED,
                grade="minor" if revision >= "0003" and not undone else "",
                identity="password" if revision >= "0004" else "",
            )
            rows.append(with_hash(row, KEY))
            previous = rows[-1].hash
        values = [{name: value for name, value in asdict(row).items() if name not in NEWER[revision]} for row in rows]
        connection.execute(insert(table), values)
    engine.dispose()
    return rows


@pytest.mark.parametrize("revision", NEWER)
def test_the_rows_of_every_schema_are_kept_and_can_be_followed_by_new_ones(url, revision):
    rows = old_ledger(url, revision)
    ledger = Ledger.open(url, "study", KEY)
    assert ledger.history() == rows
    assert [each.verdict.sample_id for each in ledger.decisions()] == ["s1"]
    assert ledger.record(verdict("s3", "ben"))
    assert ledger.record(verdict("s1", visit="2", kind="reject", follows="k1"))
    assert ledger.verify_chain().sequence == 5
    accounts = Accounts.open(url)
    accounts.add("Ann", Role.READER, password="a long enough password")
    assert [each.name for each in accounts.all()] == ["Ann"]
    assert claim_batch(ledger, Assignment(batch=2), "ben", ["s1", "s2", "s4"]) == ["s2", "s4"]
