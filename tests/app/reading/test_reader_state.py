"""What a reader has decided, kept up with a ledger that others write too."""

import random
import sqlite3
from contextlib import closing

from overread.review.ledger import Ledger
from overread_app.reading import reader_state as states
from overread_app.reading.reader_state import ReaderState, reader_state
from tests.core.review.verdicts import verdict


def same(standing, ledger):
    decisions = ledger.decisions("ann")
    assert sorted(standing.decisions, key=lambda decision: decision.sequence) == decisions
    assert set(standing.decided) == {decision.verdict.sample_id for decision in decisions}
    assert standing.last == (decisions[-1] if decisions else None)
    assert standing.head == ledger.head()


def test_a_state_that_is_kept_up_is_what_the_ledger_says(tmp_path):
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'review.db'}", "study")
    rng, state, snapshots = random.Random(0), ReaderState(ledger, "ann"), []
    for step in range(80):
        reader = rng.choice(["ann", "ann", "bob"])
        if rng.random() < 0.4:
            ledger.undo(reader)
        else:
            sample_id = f"s{rng.randrange(3)}"
            stands = {each.verdict.sample_id: each.verdict.idempotency_key for each in ledger.decisions(reader)}
            ledger.record(verdict(sample_id, reader, visit=str(step), follows=stands.get(sample_id, "")))
        if rng.random() < 0.5:
            standing = state.current()
            same(standing, ledger)
            snapshots.append((standing, list(standing.decisions), standing.last))
    assert len(snapshots) > 20
    for standing, decisions, last in snapshots:  # what a request holds is not changed under it
        assert (list(standing.decisions), standing.last) == (decisions, last)


def test_a_ledger_that_a_backup_has_replaced_is_read_anew(tmp_path):
    path = tmp_path / "review.db"
    ledger = Ledger.open(f"sqlite:///{path}", "study")
    state = ReaderState(ledger, "ann")
    ledger.record(verdict("s1"))
    with closing(sqlite3.connect(path)) as connection:
        backup = connection.serialize()
    ledger.record(verdict("s2"))
    same(state.current(), ledger)
    path.write_bytes(backup)
    for name in ("review.db-wal", "review.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    same(state.current(), ledger)
    assert set(state.current().decided) == {"s1"}
    ledger.record(verdict("s3"))
    same(state.current(), ledger)


def test_the_readers_used_last_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(states, "NUM_KEPT", 2)
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'review.db'}", "study")
    ann, bob = reader_state(ledger, "ann"), reader_state(ledger, "bob")
    assert reader_state(ledger, "ann") is ann
    reader_state(ledger, "cyd")
    assert reader_state(ledger, "ann") is ann
    assert reader_state(ledger, "bob") is not bob
