"""A study whose samples are shared among readers: what each gets, and that nothing tells of the others."""

import json

import pytest

from overread.audit.design import AuditQuestion
from overread.pipeline.audit_study import drawn_sample, open_audit
from overread.pipeline.study_ledger import open_ledger
from overread.review import assignment as module
from overread.review import queue
from overread.review.assignment import Assignment, assign, end_assignment
from overread.review.claims import claim_batch, give_back
from overread.review.queue_choice import QueueChoice
from overread.studies.run import open_run
from overread_app import study_data
from overread_app.components.audit_line import num_waiting
from overread_app.reading.open_rooms import open_room
from overread_app.reading.reader_state import reader_state
from tests.app.reading.desk import Desk


def ids(answer):
    return [packet["id"] for packet in answer["samples"]]


def proposals(study):
    scores = open_run(study).scores()
    return scores.loc[scores["is_proposed"], "sample_id"].tolist()


def read_all(desk):
    """Decide all that comes; the ids, and what was told of the progress before each."""
    seen, told = [], []
    while (answer := desk.queue())["samples"]:
        told.append((answer["progress"]["decided"], answer["progress"]["total"]))
        packet = answer["samples"][0]
        seen.append(packet["id"])
        assert desk.decide(packet, "reject").status_code == 200
    return seen, told


def test_two_readers_share_the_queue_without_a_sample_in_common(study):
    assign(open_ledger(study), Assignment(batch=4))
    ann, bob = Desk(study, "Ann"), Desk(study, "Bob")
    first, others = ids(ann.queue(count=10)), ids(bob.queue(count=10))
    assert len(first) == len(others) == 4
    assert sorted(first + others) == sorted(proposals(study))


def test_the_numbers_are_of_the_own_share_and_the_same_whatever_others_do(study, tmp_path):
    ledger = open_ledger(study)
    assign(ledger, Assignment(readers_per_sample=2, batch=6))
    alone = read_all(Desk(study, "Ann"))
    read_all(Desk(study, "Bob"))
    assert alone[1] == [(0, 6), (1, 6), (2, 8), *((done, 8) for done in range(3, 8))]
    assert sorted(alone[0]) == sorted(proposals(study))
    answer = Desk(study, "Cem").queue()  # two have read each
    assert answer["samples"] == [] and answer["progress"] == {"decided": 0, "total": 0} and answer["left"] == 0
    assert "Ann" not in str(answer) and "Bob" not in str(answer)


def test_the_next_batch_comes_before_the_last_sample_was_read(study):
    assign(open_ledger(study), Assignment(batch=6))
    desk = Desk(study, "Ann")
    assert len(ids(desk.queue(count=10))) == 6
    for _ in range(2):
        desk.decide(desk.shown(), "reject")
    assert desk.queue(count=10)["progress"] == {"decided": 2, "total": 8}


def test_a_verdict_on_a_sample_that_another_reader_got_meanwhile_is_saved(study):
    ledger = open_ledger(study)
    assign(ledger, Assignment(batch=20))
    desk = Desk(study, "Ann")
    packet = desk.shown()
    give_back(ledger, "Ann")
    assert packet["id"] in claim_batch(ledger, Assignment(), "Bob", proposals(study))
    assert desk.decide(packet, "reject").json()["progress"] == {"decided": 1, "total": 1}
    assert [each.verdict.reader for each in ledger.decisions()] == ["Ann"]


def test_the_gallery_gives_a_reader_their_share_and_shows_it_alone(study):
    assign(open_ledger(study), Assignment(batch=6))
    desk = Desk(study, "Ann")

    def shown():
        return json.loads(desk.post("gallery/tiles", start=0, count=20).content.partition(b"\n")[0])

    tiles = shown()["tiles"]
    assert len(tiles) == shown()["total"] == 6
    follows = {tile["id"]: tile["follows"] for tile in tiles}
    answer = desk.post("gallery/verdict", bulk="b" * 32, kind="reject", chosen_label="", follows=follows).json()
    assert answer["total"] == shown()["total"] == len(shown()["tiles"]) == 8  # the next batch came with the verdicts
    assert len(answer["saved"]) == 6


def test_without_an_assignment_all_is_as_before_and_no_more_is_asked_of_the_database(study, monkeypatch):
    ledger = open_ledger(study)
    assign(ledger, Assignment(batch=4))
    end_assignment(ledger)
    desk = Desk(study, "Ann")
    asked = []
    real = module.select
    monkeypatch.setattr(module, "select", lambda *columns: asked.append(1) or real(*columns))
    seen, told = read_all(desk)
    assert sorted(seen) == sorted(proposals(study)) and told[0] == (0, 8)
    assert len(asked) <= 1


@pytest.mark.parametrize(("is_shared", "text"), [(True, "in your share"), (False, "reviewed")])
def test_the_page_says_that_the_numbers_are_of_the_share(study, is_shared, text):
    from overread.studies.run import default_run
    from overread_app.reading.page_data import component_data

    if is_shared:
        assign(open_ledger(study), Assignment())
    assert text in component_data(study, default_run(study), "Ann")["words"]["panel.reviewed"]


def test_an_open_audit_s_sample_comes_first_in_its_order_and_is_shared_without_a_gap(study):
    open_audit(study, AuditQuestion(0.2))
    ranks = drawn_sample(study).ranks
    in_order = sorted(ranks, key=ranks.__getitem__)
    assign(open_ledger(study), Assignment(batch=5))
    ann, bob = (ids(Desk(study, name).queue(count=10)) for name in ("Ann", "Bob"))
    assert (ann, bob) == (in_order[:5], in_order[5:10])


def test_a_reader_is_told_how_many_of_the_sample_wait_for_them_and_of_a_share_only_those(study):
    num_drawn = open_audit(study, AuditQuestion(0.2)).num_drawn

    def num_left(name):
        return num_waiting(open_room(study, open_run(study)), reader_state(study_data.ledger(study), name))

    desk = Desk(study, "Ann")
    desk.decide(desk.shown(), "reject")
    assert (num_left("Ann"), num_left("Bob")) == (num_drawn - 1, num_drawn)
    assign(open_ledger(study), Assignment(batch=5))
    Desk(study, "Bob").queue(count=1)
    assert (num_left("Ann"), num_left("Bob")) == (0, 5)


def test_repeats_and_controls_come_in_a_share(study, monkeypatch):
    monkeypatch.setattr(queue, "REPEAT_GAP", 3)
    monkeypatch.setattr(queue, "REPEAT_SHARE", 1)
    assign(open_ledger(study), Assignment(batch=20))
    desk = Desk(study, "Ann", choice=QueueChoice(num_controls=2, repeats=True))
    first = ids(desk.queue(count=10))
    assert len(set(first) - set(proposals(study))) == 2
    for _ in range(4):
        desk.decide(desk.shown(), "reject")
    assert desk.shown()["id"] == first[0]


def test_a_share_is_no_limit_on_what_may_be_opened_and_what_is_opened_tells_nothing_of_its_holder(study):
    ledger = open_ledger(study)
    assign(ledger, Assignment(batch=6))
    ann, bob = Desk(study, "Ann"), Desk(study, "Bob")
    read, held = ann.queue(count=10)["samples"][:2]
    assert ann.decide(read, "reject", note="zimtstern").status_code == 200
    before = bob.queue(count=10)["progress"]
    for packet in (read, held):
        answer = bob.queue(count=1, first=packet["id"])
        assert answer["samples"] == [packet | {"follows": ""}] and answer["progress"] == before
    assert bob.decide(held, "reject").status_code == 200  # beside the holder's, who may still read it
    assert ann.shown()["id"] == held["id"]
