"""Blind first: nothing of a sample but its image reaches the browser before the reader's own label is locked."""

import json

import pytest

from overread.pipeline.study_ledger import open_ledger
from overread.records import Reading
from overread.review.ledger import visit_key
from overread.review.queue import likely_labels, review_order
from overread.review.queue_choice import MAX_CONTROLS, QueueChoice, blind_choice
from overread.studies.run import open_run
from overread.studies.study import set_protocol
from tests.app.made_study import write_study
from tests.app.reading.desk import READER, Desk
from tests.app.reading.test_updated_samples import set_sample
from tests.app.verdicts import verdicts

BARE = {"id", "image", "isBlind", "similar", "reading", "follows", "note", "grade", "standing"}


@pytest.fixture
def blind(study):
    return set_protocol(study.path, "blind")


@pytest.fixture
def desk(blind):
    return Desk(blind, choice=QueueChoice(given="normal", min_probability=0.9, num_controls=20, repeats=True))


def kinds(study):
    return [row.kind for row in open_ledger(study).history()]


def likely_rows(study):
    scores = open_run(study).scores()
    return scores.assign(likely=likely_labels(scores)).set_index("sample_id")


def test_a_sample_that_was_not_read_comes_without_anything_but_its_image(blind, desk):
    response = desk.post("queue", have=[], count=10, first=None)
    packets = response.json()["samples"]
    assert [set(packet) for packet in packets] == [BARE] * 10
    assert all((packet["similar"], packet["reading"]) == ([], "") for packet in packets)
    assert not any(name in response.text for name in blind.classes)


def test_neither_the_order_nor_the_choice_of_a_queue_tells_of_a_label(blind, desk):
    order = review_order(open_run(blind).scores(), QueueChoice("random", num_controls=20))
    assert [packet["id"] for packet in desk.queue(count=10)["samples"]] == order[:10]
    assert desk.queue()["progress"]["total"] == 8 + 20
    filters = {
        "given": "a",
        "likely": "b",
        "kind": "kind",
        "slide": "slide",
        "group": ("split", "test"),
        "selection": "x",
    }
    every_field = QueueChoice(
        "class pair", min_probability=0.5, only="later", num_controls=10_000, repeats=True, **filters
    )
    assert blind_choice(every_field) == QueueChoice("random", only="later", num_controls=MAX_CONTROLS)


def test_the_answer_to_a_reading_reveals_the_sample_and_the_verdict_follows_on_it(blind, desk):
    packet = desk.shown()
    answer = desk.read(packet, "normal", visit="v").json()
    revealed = answer["revealed"]
    assert (revealed["id"], revealed["reading"], revealed["image"]) == (packet["id"], "normal", packet["image"])
    assert revealed["given"]["label"] == likely_rows(blind).loc[packet["id"]].given_label
    assert "isBlind" not in revealed
    assert (answer["saved"], answer["progress"]["decided"]) == (True, 0)
    (reading,) = open_ledger(blind).readings(READER)
    assert (reading.chosen_label, reading.protocol, reading.given_label) == ("normal", "blind", "")
    assert (reading.elapsed_ms, reading.run) == (567, open_run(blind).name)
    assert reading.idempotency_key == visit_key(READER, packet["id"], "v")
    assert desk.shown() == revealed  # after a reload, too
    assert desk.decide(revealed, "reject").json()["progress"]["decided"] == 1
    assert open_ledger(blind).decisions()[0].verdict.protocol == "blind"
    assert desk.shown()["id"] != packet["id"]


@pytest.mark.parametrize(
    ("finding", "said"), [("ambiguous", "Ambiguous"), ("cannot_judge", "Cannot judge"), ("exclude", "Exclude")]
)
def test_a_reading_may_say_that_there_is_no_label(blind, desk, finding, said):
    assert desk.read(desk.shown(), finding=finding).json()["revealed"]["reading"] == said
    (reading,) = open_ledger(blind).readings()
    assert (reading.chosen_label, reading.verdict) == ("", finding)


@pytest.mark.parametrize(
    "changes",
    [{"label": "oddity"}, {"label": ""}, {"finding": "accept"}, {"label": "normal", "finding": "exclude"},
     {"label": 3}, {"visit": ""}, {"elapsed_ms": -1}, {"sample_id": "none"}],
)  # fmt: skip
def test_a_reading_that_no_page_sends_is_refused_and_reveals_nothing(blind, desk, changes):
    response = desk.read(desk.shown(), "normal", **changes)
    assert (response.status_code, set(response.json())) == (422, {"message"})
    assert kinds(blind) == []


def test_a_verdict_before_the_reading_is_refused(blind, desk):
    packet = desk.shown()
    row = likely_rows(blind).loc[packet["id"]]
    guessed = packet | {"given": {"label": row.given_label}, "other": {"label": row.likely}}
    response = desk.decide(guessed, "cannot_judge")
    assert (response.status_code, kinds(blind)) == (422, [])
    assert response.json()["message"].startswith("Label the image before you decide")


def test_a_reading_that_is_sent_again_is_locked_once(blind, desk):
    packet = desk.shown()
    answers = [desk.read(packet, "normal", visit="v").json() for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert kinds(blind) == ["reading"]
    set_sample(blind, packet["id"], sha256="0" * 64)
    assert desk.read(packet, "normal", visit="v").json()["revealed"]["reading"] == "normal"


def test_a_second_window_cannot_read_again_and_is_shown_the_first_reading(blind, desk):
    packet, other = desk.shown(), Desk(blind)
    desk.read(packet, "normal")
    response = other.read(packet, "adenoma")
    assert (response.status_code, response.json()["isChanged"]) == (409, True)
    assert "read this image before" in response.json()["message"]
    assert other.queue(first=packet["id"], follows=None)["samples"][0]["reading"] == "normal"
    assert kinds(blind) == ["reading"]


def test_a_reading_of_an_image_that_was_replaced_is_refused_and_shows_the_new_one(blind, desk):
    packet = desk.shown()
    set_sample(blind, packet["id"], sha256="0" * 64)
    response = desk.read(packet, "normal")
    assert (response.status_code, response.json()["isChanged"]) == (409, True)
    assert desk.read(desk.shown(), "normal").status_code == 200
    assert open_ledger(blind).readings()[0].image_sha256 == "0" * 64


def test_undo_reaches_the_verdict_and_not_the_reading(blind, desk):
    revealed = desk.read(desk.shown(), "normal").json()["revealed"]
    undone = desk.undo(desk.decide(revealed, "reject").json()["key"]).json()["undone"]
    assert (undone["id"], undone["reading"]) == (revealed["id"], "normal")
    assert kinds(blind) == ["reading", "verdict", "undo"]
    assert desk.undo(open_ledger(blind).readings()[0].idempotency_key).status_code == 409


def test_a_sample_that_was_decided_openly_is_shown_openly_and_its_verdict_says_so(blind):
    known = verdicts(blind, reader=READER, number=1)[0]
    open_ledger(blind).record(known)
    (packet,) = Desk(blind).queue(first=known.sample_id, follows=None, count=1)["samples"]
    assert (packet["reading"], "isBlind" in packet, packet["given"]["label"]) == ("", False, known.given_label)
    assert Desk(blind).decide(packet, "reject").status_code == 200
    assert open_ledger(blind).decisions()[0].verdict.protocol == "open"


def test_of_samples_that_may_still_be_read_no_label_is_told_with_another_one(tmp_path):
    study = set_protocol(write_study(tmp_path, num_samples=240).path, "blind")
    scores, desk = open_run(study).scores(), Desk(study)
    waiting = set(review_order(scores, QueueChoice("random", num_controls=MAX_CONTROLS)))
    assert len(waiting) == 40 + MAX_CONTROLS
    seen, named = set(), []
    for _ in range(15):
        packet = desk.shown()
        revealed = desk.read(packet, "normal").json()["revealed"]
        seen.add(packet["id"])
        named += [each["id"] for each in revealed["similar"]]
        told = sum(int(word) for word in revealed["similarSaid"].replace(",", "").split() if word.isdigit())
        assert told == len(revealed["similar"])
        desk.decide(revealed, "reject")
    assert len(named) > 20
    assert not (set(named) - seen) & waiting
    outside = [sample_id for sample_id in scores["sample_id"] if sample_id not in waiting]
    for sample_id in outside[:5]:  # its label may have been told
        assert desk.queue(first=sample_id, follows=None, count=1)["samples"][0]["id"] in waiting
        assert desk.read({"id": sample_id, "image": ""}, "normal").status_code == 422


def test_the_open_protocol_takes_no_blind_reading_and_a_change_voids_open_pages(study):
    desk = Desk(study)
    packet = desk.shown()
    assert desk.read(packet, "normal").status_code == 422
    set_protocol(study.path, "blind")
    for response in (desk.post("queue"), desk.decide(packet, "accept"), desk.image(packet)):
        assert response.status_code == 409
    assert kinds(study) == []


def test_another_reader_s_readings_are_not_told(blind, desk):
    packet = desk.shown()
    open_ledger(blind).record_reading(Reading(packet["id"], "Dr. Else", "serrated", "k"))
    response = desk.post("queue", have=[], count=10, first=packet["id"])
    assert not {"serrated", "Else"} & set(response.text.replace('"', " ").split())
    assert json.loads(response.text)["samples"][0]["isBlind"]
