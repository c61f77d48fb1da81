import random
from threading import Thread

import pytest
from sqlalchemy import event

from overread.review import ledger_fold
from overread.review.decision_fold import DecisionFold
from overread.review.ledger import Ledger
from overread.review.ledger_state import Head
from overread.review.row_transfer import restore_rows
from tests.core.review.verdicts import verdict


@pytest.fixture
def ledger(url):
    return Ledger.open(url, "study")


def standing_by_hand(rows, reader=None):
    """The sequences of the standing decisions: a plain loop over the ledger's rows."""
    undone = {row.undone_key for row in rows if row.kind == "undo"}
    newest = {}
    for row in rows:
        if row.kind == "verdict" and row.idempotency_key not in undone and reader in (None, row.reader):
            newest[row.reader, row.sample_id] = row.sequence
    return sorted(newest.values())


def write_at_random(ledger, rng, num_steps):
    for step in range(num_steps):
        reader = rng.choice(["ann", "bob"])
        if rng.random() < 0.3:
            ledger.undo(reader)
        else:
            sample_id = f"s{rng.randrange(6)}"
            stands = [d.verdict for d in ledger.decisions(reader) if d.verdict.sample_id == sample_id]
            follows = stands[0].idempotency_key if stands else ""
            ledger.record(verdict(sample_id, reader, visit=f"{rng.random()}", follows=follows))
        yield step


def test_the_standing_decisions_are_those_of_a_loop_over_all_rows_after_every_step(ledger):
    for _ in write_at_random(ledger, random.Random(3), 50):
        rows = ledger.history()
        for reader in (None, "ann", "bob"):
            assert [d.sequence for d in ledger.decisions(reader)] == standing_by_hand(rows, reader)


def test_a_second_call_reads_only_the_rows_that_were_added(ledger):
    for _ in write_at_random(ledger, random.Random(4), 30):
        pass
    ledger.decisions()
    num_rows = []

    def count(connection, cursor, statement, parameters, context, is_many):
        if "kind IN" in statement:
            num_rows.append(parameters)

    event.listen(ledger.engine, "after_cursor_execute", count)
    ledger.record(verdict("new"))
    assert [d.sequence for d in ledger.decisions()][-1] == ledger.head().sequence
    event.remove(ledger.engine, "after_cursor_execute", count)
    (parameters,) = num_rows
    assert ledger.head().sequence - 1 in (parameters.values() if isinstance(parameters, dict) else parameters)


def test_a_list_of_decisions_is_the_caller_s_own(ledger):
    ledger.record(verdict("s1"))
    ledger.decisions().clear()
    assert len(ledger.decisions()) == 1


def test_a_ledger_that_a_backup_has_replaced_is_read_anew(tmp_path):
    url = f"sqlite:///{tmp_path / 'review.db'}"
    ledger = Ledger.open(url, "study")
    ledger.record(verdict("s1"))
    ledger.record(verdict("s2"))
    assert len(ledger.decisions()) == 2
    other = Ledger.open(f"sqlite:///{tmp_path / 'other.db'}", "study")
    other.record(verdict("s3"))
    rows = other.history()
    for file in tmp_path.glob("review.db*"):
        file.unlink()
    restore_rows(Ledger.open(url, "study"), rows)
    assert [d.verdict.sample_id for d in ledger.decisions()] == ["s3"]


def test_threads_that_read_while_others_write_see_each_decision_once(ledger):
    def write(reader):
        for step in range(15):
            ledger.record(verdict(f"s{step}", reader))

    found = []
    writers = [Thread(target=write, args=(reader,)) for reader in ("ann", "bob")]
    for thread in writers:
        thread.start()
    while any(thread.is_alive() for thread in writers):
        found.append([d.sequence for d in ledger.decisions()])
    for thread in writers:
        thread.join()
    found.append([d.sequence for d in ledger.decisions()])
    assert all(sequences == list(range(1, len(sequences) + 1)) for sequences in found)
    assert len(found[-1]) == 30


def test_folds_beyond_the_limit_are_forgotten_and_made_again(ledger, monkeypatch):
    monkeypatch.setattr(ledger_fold, "NUM_KEPT", 1)
    ledger.record(verdict("s1"))
    ledger.record(verdict("s1", "bob"))
    for reader in ("ann", "bob", "ann"):
        assert [d.verdict.reader for d in ledger.decisions(reader)] == [reader]
    assert ledger_fold.shared_fold(DecisionFold, ledger.engine.url, "study", "bob").head == Head()


def test_an_older_view_of_the_ledger_does_not_make_the_fold_read_everything_again(tmp_path, monkeypatch):
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'review.db'}", "study")
    ledger.record(verdict("s1"))
    check_head, cleared = Ledger._check_head, []

    def check_late(self, connection, recorded):
        check_head(self, connection, recorded)
        monkeypatch.undo()
        ledger.record(verdict("s2"))  # after this transaction for reading has begun
        assert len(ledger.decisions()) == 2
        monkeypatch.setattr(DecisionFold, "clear", lambda self: cleared.append(self.head))

    monkeypatch.setattr(Ledger, "_check_head", check_late)
    assert [d.verdict.sample_id for d in ledger.decisions()] == ["s1", "s2"]
    assert cleared == []
