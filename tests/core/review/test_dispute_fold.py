"""What readers dispute, kept up row by row: compared with a plain loop over all rows, and read at once by several."""

import random
from collections import defaultdict
from threading import Thread

import pytest

from overread.errors import UserError
from overread.review.adjudication import disputes, open_round, record_adjudication, record_second, second_looks
from overread.review.dispute_fold import DisputeFold
from overread.review.disputes import Opinion, Round
from overread.review.ledger import Ledger
from tests.core.review.verdicts import verdict

READERS = ("ann", "ben", "cleo")


@pytest.fixture
def ledger(url):
    return Ledger.open(url, "study")


def wanted(rows):
    """Reader to label, of the standing verdicts on one sample."""
    undone = {row.undone_key for row in rows if row.kind == "undo"}
    standing = [row for row in rows if row.kind == "verdict" and row.idempotency_key not in undone]
    return {row.reader: row.given_label if row.verdict == "reject" else row.chosen_label for row in standing}


def disputed_by_hand(rows):
    """Sample id to the first labels, the second ones, the rounds and the adjudicated label of what is disputed."""
    of_sample, found = defaultdict(list), {}

    def take_in():
        for sample_id, own in of_sample.items():
            if sample_id not in found and len(set(wanted(own).values())) > 1:
                found[sample_id] = [wanted(own), {}, set(), None]

    for row in rows:
        if row.kind == "round":
            take_in()
            for first, second, rounds, adjudicated in found.values():
                is_agreed = len(second) == len(first) and len(set(second.values())) == 1
                if adjudicated is None and not is_agreed:
                    rounds.add(row.verdict)
        elif row.kind == "second":
            found[row.sample_id][1][row.reader] = row.chosen_label
        elif row.kind == "adjudication":
            found[row.sample_id][3] = row.chosen_label
        else:
            of_sample[row.sample_id].append(row)
    take_in()
    return {sample_id: tuple(parts) for sample_id, parts in found.items()}


def labels(said):
    return {reader: opinion.label for reader, opinion in said.items()}


def as_by_hand(dispute):
    adjudicated = dispute.adjudication and dispute.adjudication.chosen_label
    return labels(dispute.first), labels(dispute.second), set(dispute.rounds), adjudicated


def step(ledger, rng, number):
    reader, sample_id, label = rng.choice(READERS), f"s{rng.randrange(6)}", rng.choice(["normal", "tumour"])
    kind = rng.choices(["verdict", "undo", "second", "adjudication", "round"], [8, 1, 8, 6, 1])[0]
    if kind == "verdict":
        stands = [d.verdict for d in ledger.decisions(reader) if d.verdict.sample_id == sample_id]
        follows = stands[0].idempotency_key if stands else ""
        given = {"normal": "reject", "tumour": "accept"}[label]
        ledger.record(verdict(sample_id, reader, given, visit=str(number), follows=follows))
    elif kind == "undo":
        ledger.undo(reader)
    elif kind == "round":
        open_round(ledger, rng.choices(list(Round), [5, 1])[0], "olga")
    elif kind == "second":
        record_second(ledger, reader, sample_id, Opinion(label), key=f"k{number}")
    else:
        record_adjudication(ledger, "dora", sample_id, Opinion(label), protocol="blind", key=f"k{number}")


def test_disputes_are_those_of_a_loop_over_all_rows_after_every_step(ledger):
    rng, kinds = random.Random(11), set()
    for number in range(100):
        try:
            step(ledger, rng, number)
        except UserError:
            continue  # the sample is in no such round
        rows = ledger.history()
        kinds.add(rows[-1].kind if rows else "")
        assert {each: as_by_hand(one) for each, one in disputes(ledger).items()} == disputed_by_hand(rows)
    assert kinds >= {"verdict", "undo", "round", "second", "adjudication"}


def test_an_answer_in_a_round_reads_only_the_rows_that_were_added(ledger, monkeypatch):
    for number in range(9):
        for reader, kind in (("ann", "accept"), ("ben", "reject")):
            ledger.record(verdict(f"s{number}", reader, kind))
    open_round(ledger, Round.SECOND, "olga")
    assert len(second_looks(ledger, "ann")) == 9
    add, kinds = DisputeFold._add, []

    def add_counting(fold, rows):
        rows = list(rows)
        kinds.extend(row.kind for row in rows)
        add(fold, rows)

    monkeypatch.setattr(DisputeFold, "_add", add_counting)
    monkeypatch.setattr(Ledger, "history", None)
    for number in range(3):
        record_second(ledger, "ann", f"s{number}", Opinion("normal"), key=f"k{number}")
        assert sum(look.again is None for look in second_looks(ledger, "ann")) == 8 - number
    assert kinds == ["second"] * 3


def test_of_readers_who_answer_at_once_no_answer_is_lost(ledger):
    num_samples = 8
    for number in range(num_samples):
        for reader, kind in zip(READERS, ("accept", "reject", "relabel"), strict=True):
            ledger.record(verdict(f"s{number}", reader, kind))
    open_round(ledger, Round.SECOND, "olga")
    problems = []

    def answer(reader):
        try:
            while waiting := [look for look in second_looks(ledger, reader) if look.again is None]:
                look = waiting[0]
                record_second(ledger, reader, look.sample_id, Opinion("normal"), key=f"{reader}{look.sample_id}")
        except UserError as error:
            problems.append(error)

    threads = [Thread(target=answer, args=(reader,)) for reader in READERS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert [row.kind for row in ledger.history()].count("second") == num_samples * len(READERS)
    assert {one.state.value for one in disputes(ledger).values()} == {"agreed"}
