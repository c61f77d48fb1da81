"""Grades over the routes: saved once with the verdict, undone with it, and no grade but those that there are."""

import pytest

from overread.pipeline.study_ledger import open_ledger
from overread.studies.run import default_run
from overread.studies.study import set_protocol, update_study_file
from overread_app.reading.page_data import component_data
from tests.app.reading.desk import READER, Desk


@pytest.fixture
def desk(study):
    return Desk(study)


def grades(study):
    return [(row.kind, row.verdict, row.grade) for row in open_ledger(study).history()]


def test_the_page_offers_grades_only_where_the_study_asks_for_them(study):
    run = default_run(study)
    assert component_data(study, run, READER)["grades"] == []
    asking = update_study_file(study.path, asks_grades=True)
    offered = component_data(asking, run, READER)
    assert [each["grade"] for each in offered["grades"]] == ["many_minor", "many_major", "few_minor", "few_major"]
    keys = [each["key"] for each in (*offered["grades"], *offered["verdicts"])]
    assert len(set(keys)) == 4 + 5
    assert offered["ticket"] == component_data(study, run, READER)["ticket"]  # an open page's verdicts still count


def test_a_grade_is_saved_with_its_verdict_once_and_comes_back_when_it_is_undone(study, desk):
    packet = desk.shown()
    assert packet["grade"] == ""
    answers = [desk.decide(packet, "accept", visit="v", grade=grade).json() for grade in ("few_major", "many_minor")]
    assert answers[0]["key"] == answers[1]["key"]
    assert grades(study) == [("verdict", "accept", "few_major")]
    assert answers[1]["last"]["text"].endswith(f"→ {packet['other']['label']} (few miss it, major)")
    again = desk.queue(first=packet["id"], follows=None)["samples"][0]
    assert again["grade"] == "few_major"
    undone = desk.undo(answers[0]["key"]).json()["undone"]
    assert (undone["id"], undone["grade"]) == (packet["id"], "few_major")
    assert desk.shown()["grade"] == ""
    assert grades(study) == [("verdict", "accept", "few_major"), ("undo", "", "")]


def test_a_third_class_may_be_graded_too(study, desk):
    packet = desk.shown()
    (third,) = set(study.classes) - {packet["given"]["label"], packet["other"]["label"]}
    assert desk.decide(packet, "relabel", chosen_label=third, grade="many_major").status_code == 200
    assert grades(study) == [("verdict", "relabel", "many_major")]


@pytest.mark.parametrize(
    ("kind", "grade"),
    [("accept", "grave"), ("accept", 3), ("accept", None), ("reject", "few_major"), ("exclude", "few_minor")],
)
def test_a_grade_that_no_page_sends_is_refused_and_leaves_no_row(study, desk, kind, grade):
    assert desk.decide(desk.shown(), kind, grade=grade).status_code == 422
    assert grades(study) == []


def test_a_verdict_after_a_blind_reading_may_be_graded_and_the_reading_may_not(study):
    desk = Desk(set_protocol(study.path, "blind"))
    hidden = desk.shown()
    assert hidden["isBlind"]
    assert hidden["grade"] == ""
    revealed = desk.read(hidden, "normal", grade="few_major").json()["revealed"]
    assert desk.decide(revealed, "accept", grade="few_minor").status_code == 200
    assert grades(study) == [("reading", "", ""), ("verdict", "accept", "few_minor")]
