"""What the routes of reading answer: samples in order, verdicts once, undos, and why something was refused."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from overread.errors import (
    LedgerBusyError,
    LedgerError,
    LedgerFaultError,
    LedgerFullError,
    ReadOnlyError,
)
from overread.pipeline.study_ledger import open_ledger
from overread.records import VerdictKind
from overread.review.ledger import Ledger, visit_key
from overread.review.queue import likely_labels, review_order
from overread.review.queue_choice import QueueChoice
from overread.studies.run import open_run
from tests.app.reading.desk import READER, Desk
from tests.app.verdicts import verdicts


@pytest.fixture
def desk(study):
    return Desk(study)


def decisions(study):
    return open_ledger(study).decisions()


def test_samples_come_in_the_order_of_review_without_those_the_browser_has(study, desk):
    order = review_order(open_run(study).scores())
    assert [packet["id"] for packet in desk.queue(count=3)["samples"]] == order[:3]
    answer = desk.queue(have=order[:2], count=3)
    assert [packet["id"] for packet in answer["samples"]] == order[2:5]
    assert answer["progress"] == {"decided": 0, "total": 8}
    assert (answer["last"], answer["left"]) == (None, 8)


def test_a_threshold_shows_what_it_chooses(study):
    scores = open_run(study).scores()
    choice = QueueChoice(min_probability=0.1)
    desk = Desk(study, choice=choice)
    order = review_order(scores, choice)
    assert len(order) > 10
    answer = desk.queue(count=10)
    assert [packet["id"] for packet in answer["samples"]] == order[:10]
    assert answer["progress"] == {"decided": 0, "total": len(order)}
    assert desk.queue(count=1, have=order[:8])["samples"][0]["title"] == "Below the proposal threshold"


def test_the_reader_begins_where_they_are_told_unless_it_is_decided(study, desk):
    order = review_order(open_run(study).scores())
    first = open_run(study).scores()["sample_id"][1]  # not proposed
    asked = {"first": first, "count": 3}
    assert [packet["id"] for packet in desk.queue(**asked)["samples"]] == [first, *order[:2]]
    assert [packet["id"] for packet in desk.queue(**asked, have=[first])["samples"]] == order[:3]
    desk.decide(desk.queue(**asked)["samples"][0], "reject")
    assert [packet["id"] for packet in desk.queue(**asked)["samples"]] == order[:3]
    assert desk.queue(first="no such sample", count=1)["samples"][0]["id"] == order[0]


@pytest.mark.parametrize(
    ("kind", "chosen"),
    [("accept", "other"), ("reject", "given"), ("ambiguous", "given"), ("cannot_judge", "given"), ("exclude", None)],
)
def test_a_verdict_is_one_row_of_the_ledger_with_what_the_server_knows_of_the_sample(study, desk, kind, chosen):
    packet = desk.shown()
    response = desk.decide(packet, kind, visit="v", note=" cut at the edge ")
    assert response.status_code == 200
    (decision,) = decisions(study)
    verdict, scores = decision.verdict, open_run(study).scores()
    row = scores[scores["sample_id"] == packet["id"]].iloc[0]
    assert (verdict.kind, verdict.reader, verdict.note) == (VerdictKind(kind), READER, "cut at the edge")
    assert (verdict.given_label, verdict.proposed_label) == (row.given_label, row.proposed_label)
    assert verdict.chosen_label == (packet[chosen]["label"] if chosen else "")
    assert (verdict.score, verdict.run, verdict.elapsed_ms) == (row.label_error_probability, open_run(study).name, 1234)
    assert verdict.idempotency_key == visit_key(READER, packet["id"], "v") == response.json()["key"]
    assert response.json()["progress"] == {"decided": 1, "total": 8}
    assert desk.shown()["id"] != packet["id"]


def test_a_third_class_is_a_relabel_and_no_class_of_another_study_is(study, desk):
    packet = desk.shown()
    (third,) = set(study.classes) - {packet["given"]["label"], packet["other"]["label"]}
    assert desk.decide(packet, "relabel", chosen_label="oddity").status_code == 422
    assert decisions(study) == []
    assert desk.decide(packet, "relabel", chosen_label=third).status_code == 200
    assert decisions(study)[0].verdict.chosen_label == third


def test_the_last_verdict_is_said_in_words(study, desk):
    packet = desk.shown()
    given, other = packet["given"]["label"], packet["other"]["label"]
    assert desk.decide(packet, "accept").json()["last"]["text"] == f"{given} → {other}"
    packet = desk.shown()
    last = desk.decide(packet, "reject").json()["last"]
    assert last["text"] == f"{packet['given']['label']}, kept"
    assert (last["sampleId"], last["key"]) == (packet["id"], decisions(study)[-1].verdict.idempotency_key)
    packet = desk.shown()
    assert desk.decide(packet, "exclude").json()["last"]["text"] == f"{packet['given']['label']}, excluded"


def test_a_visit_s_verdict_that_is_sent_again_is_saved_once(study, desk):
    packet = desk.shown()
    answers = [desk.decide(packet, "reject", visit="v").json() for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert len(decisions(study)) == 1


def test_undo_brings_the_sample_back_with_its_note_and_appends_a_row(study, desk):
    packet = desk.shown()
    key = desk.decide(packet, "accept", note="look again").json()["key"]
    answer = desk.undo(key, "press").json()
    assert answer["undone"] == packet | {"note": "look again"}
    assert (answer["last"], answer["progress"]["decided"]) == (None, 0)
    assert desk.undo(key, "press").json() == answer  # the same press, sent again
    assert [row.kind for row in open_ledger(study).history()] == ["verdict", "undo"]
    assert desk.shown()["id"] == packet["id"]


def test_a_sample_can_be_decided_again_after_undo(study, desk):
    packet = desk.shown()
    desk.undo(desk.decide(packet, "accept").json()["key"])
    assert desk.decide(packet, "reject").status_code == 200
    assert [decision.verdict.kind for decision in decisions(study)] == [VerdictKind.REJECT]


def test_a_stale_tab_decides_nothing_and_is_told_what_was_decided(study, desk):
    stale, packet = Desk(study), desk.shown()
    desk.decide(packet, "reject")
    response = stale.decide(packet, "accept")
    assert response.status_code == 409
    assert "changed in another window" in response.json()["message"]
    assert [decision.verdict.kind for decision in decisions(study)] == [VerdictKind.REJECT]
    answer = stale.queue()
    assert answer["last"]["text"] == f"{packet['given']['label']}, kept"
    assert packet["id"] not in [each["id"] for each in answer["samples"]]


def test_an_undo_in_a_stale_tab_takes_nothing_back(study, desk):
    key = desk.decide(desk.shown(), "reject").json()["key"]
    desk.decide(desk.shown(), "reject")
    response = Desk(study).undo(key)
    assert response.status_code == 409
    assert "Nothing was undone" in response.json()["message"]
    assert len(decisions(study)) == 2


def test_a_decided_sample_that_is_shown_again_says_what_a_verdict_on_it_follows(study, desk):
    packet = desk.shown()
    key = desk.decide(packet, "reject").json()["key"]
    assert desk.decide(packet, "accept", follows=key).status_code == 200
    assert [decision.verdict.kind for decision in decisions(study)] == [VerdictKind.ACCEPT]
    undone = desk.undo(desk.queue()["last"]["key"]).json()["undone"]
    assert undone["follows"] == key  # the first verdict stands again


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (LedgerBusyError("the review ledger is in use by somebody else"), "is busy"),
        (LedgerFullError("the disk is full"), "the disk for the verdicts is full"),
        (ReadOnlyError("is read-only"), "for the verdicts is read-only"),
        (LedgerFaultError("the review ledger is damaged"), "the review ledger is damaged"),
    ],
)
def test_what_was_not_taken_for_a_fault_of_the_ledger_may_be_sent_again(study, desk, monkeypatch, fault, said):
    record, refused = Ledger.record, []

    def fail(self, verdict):
        if not refused:
            refused.append(verdict)
            raise fault
        return record(self, verdict)

    monkeypatch.setattr(Ledger, "record", fail)
    packet = desk.shown()
    response = desk.decide(packet, "reject", visit="v")
    assert (response.status_code, decisions(study)) == (503, [])
    assert said in response.json()["message"]
    assert desk.decide(packet, "reject", visit="v").status_code == 200
    assert len(decisions(study)) == 1


def test_a_study_whose_disk_was_away_takes_the_verdict_when_it_is_back(study, desk, tmp_path):
    packet = desk.shown()
    study.path.rename(tmp_path / "elsewhere")
    response = desk.decide(packet, "reject", visit="v")
    assert response.status_code == 503
    assert str(tmp_path) not in response.text
    (tmp_path / "elsewhere").rename(study.path)
    assert desk.decide(packet, "reject", visit="v").status_code == 200
    assert len(decisions(study)) == 1


def test_what_the_ledger_refuses_is_said(study, desk, monkeypatch):
    def refuse(self, verdict):
        raise LedgerError("reader of a ledger row is empty")

    monkeypatch.setattr(Ledger, "record", refuse)
    response = desk.decide(desk.shown(), "reject")
    assert (response.status_code, response.json()["message"]) == (422, "reader of a ledger row is empty")


def test_what_breaks_is_a_plain_error_without_names(study, desk, monkeypatch):
    def broken(self, verdict):
        raise OSError(5, "Input/output error", "/home/doe/review.db")

    monkeypatch.setattr(Ledger, "record", broken)
    response = desk.decide(desk.shown(), "reject")
    assert response.status_code == 500
    assert response.json()["message"].startswith("Something went wrong.")
    assert "doe" not in response.text


def test_a_ledger_that_is_no_database_any_more_is_a_plain_error(study, desk):
    packet = desk.shown()
    desk.decide(packet, "reject")
    path = study.path / "review.db"
    path.unlink()
    path.write_bytes(b"no database" * 1000)
    response = desk.post("queue", have=[], count=1, first=None)
    assert response.status_code == 503  # a backup may be restored, and the page asks again
    assert "the review ledger" in response.json()["message"]
    assert str(study.path) not in response.text


def test_a_reader_sees_neither_the_verdicts_nor_the_progress_of_another(study, desk):
    for verdict in verdicts(study, reader="Dr. Else", number=5):
        open_ledger(study).record(verdict)
    answer = desk.post("queue", have=[], count=8, first=None)
    assert answer.json()["progress"]["decided"] == 0
    assert len(answer.json()["samples"]) == 8
    assert "Else" not in answer.text


def test_the_end_is_a_queue_without_samples(study, desk):
    for verdict in verdicts(study, reader=READER, number=8):
        open_ledger(study).record(verdict)
    answer = desk.queue()
    assert (answer["samples"], answer["left"], answer["progress"]) == ([], 0, {"decided": 8, "total": 8})


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b"[" * 10_000, b'{"count": -1}', b'{"count": true}', b'{"count": 1e9}', b'{"have": "a"}',
        b'{"have": [1]}', b'{"first": 3}', b'{"have": ["' + b"a" * 70_000 + b'"]}',
    ],
)  # fmt: skip
def test_a_request_that_no_page_makes_is_refused(desk, body):
    headers = {"Authorization": f"Bearer {desk.ticket}", "Content-Type": "application/json"}
    response = desk.client.post("/reading/queue", content=body, headers=headers)
    assert response.status_code == 422
    assert response.json()["message"].startswith("The request’s ")


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "maybe"}, {"kind": None}, {"elapsed_ms": -1}, {"elapsed_ms": "1"}, {"elapsed_ms": None},
        {"note": "a" * 501}, {"note": 3}, {"visit": ""}, {"visit": 4}, {"sample_id": "none"}, {"follows": 1},
        {"chosen_label": ["a"]}, {"chosen_label": ""}, {"note": "\ud800"}, {"note": "\x00"},
    ],
)  # fmt: skip
def test_a_verdict_that_no_page_sends_is_refused_and_leaves_no_row(study, desk, changes):
    response = desk.decide(desk.shown(), "accept", **changes)
    assert response.status_code == 422
    assert open_ledger(study).history() == []


def test_neither_names_nor_paths_of_files_reach_the_browser(study, desk):
    texts = []
    for _ in range(8):
        packet = desk.shown()
        image = desk.image(packet)
        texts += [json.dumps(packet), str(image.headers), desk.decide(packet, "accept").text]
    assert "secret" not in "".join(texts)
    assert str(study.path.parent) not in "".join(texts)
    assert READER not in "".join(texts)


def test_the_label_beside_the_given_one_is_the_likely_one(study):
    scores = open_run(study).scores()
    likely = dict(zip(scores["sample_id"], likely_labels(scores), strict=True))
    for packet in Desk(study, choice=QueueChoice(min_probability=0.05)).queue(count=10)["samples"]:
        assert packet["other"]["label"] == likely[packet["id"]]


def test_of_verdicts_that_are_sent_at_once_one_is_saved(study, desk):
    packet = desk.shown()
    with ThreadPoolExecutor(6) as threads:
        again = list(threads.map(lambda _: Desk(study).decide(packet, "reject", visit="v"), range(6)))
    assert {response.status_code for response in again} == {200}
    assert len({response.json()["key"] for response in again}) == len(decisions(study)) == 1
    packet = desk.shown()
    with ThreadPoolExecutor(6) as threads:
        tabs = list(threads.map(lambda _: Desk(study).decide(packet, "accept"), range(6)))
    assert sorted(response.status_code for response in tabs) == [200] + [409] * 5
    assert len(decisions(study)) == 2
