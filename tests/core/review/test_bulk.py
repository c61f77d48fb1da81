"""Verdicts in bulk: a row for each sample, once, undone together, and what they do not count as."""

from dataclasses import replace

import pandas as pd
import pytest

from overread.checks.reader_labels import reader_labels
from overread.errors import LedgerError
from overread.review.bulk import bulk_key, bulk_name, record_bulk, undo_bulk
from overread.review.ledger import Ledger
from overread.review.outcomes import outcomes
from overread.review.queue import due_repeats
from tests.core.review.verdicts import decision, verdict

SAMPLES = ("s1", "s2", "s3")


@pytest.fixture
def ledger(url):
    return Ledger.open(url, "study")


def in_bulk(sample_id, bulk="b", reader="ann", **changes):
    key = bulk_key(reader, sample_id, bulk)
    return replace(verdict(sample_id, reader), protocol="bulk", idempotency_key=key, **changes)


def standing(ledger, reader="ann"):
    return {each.verdict.sample_id: each.verdict.idempotency_key for each in ledger.decisions(reader)}


def test_a_bulk_is_a_row_for_each_sample_and_a_second_time_none(ledger):
    made = [in_bulk(name) for name in SAMPLES]
    for _ in range(2):
        outcome = record_bulk(ledger, made)
        assert (outcome.recorded, outcome.stale) == (SAMPLES, ())
    rows = ledger.history()
    assert [(row.sample_id, row.kind, row.protocol) for row in rows] == [(name, "verdict", "bulk") for name in SAMPLES]
    assert [each.verdict for each in ledger.decisions()] == made
    ledger.verify_chain()


def test_a_sample_that_was_decided_meanwhile_is_left_out_and_the_others_are_recorded(ledger):
    ledger.record(verdict("s2", kind="reject"))
    outcome = record_bulk(ledger, [in_bulk(name) for name in SAMPLES])
    assert (outcome.recorded, outcome.stale) == (("s1", "s3"), ("s2",))
    assert standing(ledger)["s2"] == verdict("s2").idempotency_key


def test_a_verdict_that_contradicts_itself_stops_the_whole_bulk(ledger):
    with pytest.raises(LedgerError, match="accept must choose"):
        record_bulk(ledger, [in_bulk("s1"), in_bulk("s2", chosen_label="polyp")])
    assert ledger.history() == []


def test_a_bulk_is_undone_as_a_whole_but_for_what_was_decided_again(ledger):
    before = verdict("s1", kind="reject")
    ledger.record(before)
    record_bulk(ledger, [in_bulk("s1", follows=before.idempotency_key), in_bulk("s2"), in_bulk("s3")])
    record_bulk(ledger, [in_bulk("s4", bulk="other"), in_bulk("s5", reader="ben")])
    again = verdict("s2", kind="reject", visit="2", follows=bulk_key("ann", "s2", "b"))
    ledger.record(again)
    name = bulk_name(bulk_key("ann", "s1", "b"))
    assert [each.verdict.sample_id for each in undo_bulk(ledger, "ann", name)] == ["s1", "s3"]
    assert undo_bulk(ledger, "ann", name) == []
    assert standing(ledger) == {
        "s1": before.idempotency_key,
        "s2": again.idempotency_key,
        "s4": bulk_key("ann", "s4", "other"),
    }
    assert [row.kind for row in ledger.history()] == ["verdict"] * 7 + ["undo"] * 2
    ledger.verify_chain()


def test_keys_of_a_bulk_begin_alike_and_no_others_do():
    names = {bulk_name(bulk_key("ann", sample, "b")) for sample in SAMPLES}
    others = {bulk_name(bulk_key("ann", "s1", "c")), bulk_name(bulk_key("ben", "s1", "b"))}
    assert len(names) == 1
    assert len(names | others) == 3


def test_verdicts_in_bulk_are_no_careful_readings():
    both = [decision(1, "s", visit="1"), decision(2, "t", visit="1", protocol="bulk")]
    scores = pd.DataFrame({"sample_id": ["s", "t"], "given_label": "normal"})
    places, is_error = outcomes(scores, both, run="run-1")
    assert (places.tolist(), is_error.tolist()) == ([0], [True])
    labels, _ = reader_labels(scores, both, [])
    assert labels["reader ann"].tolist() == ["tumour", ""]


def test_what_was_decided_in_bulk_does_not_come_again_as_a_repeat():
    names = [f"{number:03x}" for number in range(600)]
    alone = due_repeats([decision(place, name) for place, name in enumerate(names, 1)])
    half = [decision(place, name, protocol="bulk" if place % 2 else "open") for place, name in enumerate(names, 1)]
    found = due_repeats(half)
    assert len(alone) > 30
    assert 0 < len(found) < len(alone)
    assert all(names.index(name) % 2 for name in found)  # places begin at 1
