"""The routes answer in the language of the page that asks; what is stored has none."""

from dataclasses import replace

import pytest

from overread.review.ledger import Ledger
from overread_app import session, study_data
from overread_app.reading.tickets import claimed_language, sign, verify
from overread_app.words.catalogue import words_in
from tests.app.reading.desk import Desk


@pytest.fixture
def desk(study, monkeypatch) -> Desk:
    monkeypatch.setattr(session, "words", lambda: words_in("de"))
    return Desk(study)


def ledger(desk: Desk) -> Ledger:
    return study_data.ledger(desk.study)


def test_a_sample_and_what_was_decided_of_it_come_in_german(desk):
    first, second, _ = desk.queue()["samples"]
    assert (first["title"], first["otherTitle"]) == ("Abweichende Beurteilungen", "Vorschlag des Modells")
    assert first["chance"] in ("98 von 100 oder mehr", "etwa 19 von 20") or first["chance"].startswith("etwa ")
    assert {each["view"] for each in first["votes"]} == {"Trainingsrunden", "Das Bild selbst"}
    assert desk.decide(first, "reject").json()["last"]["text"] == f"{first['given']['label']}, behalten"
    desk.decide(second, "cannot_judge")
    listed = desk.post("decided", count=5, search="nicht beurteilbar", after=None).json()["decided"]
    assert [each["text"] for each in listed] == [f"{second['given']['label']}, nicht beurteilbar"]


def test_the_ledger_has_the_same_codes_in_every_language(desk):
    desk.decide(desk.shown(), "cannot_judge")
    assert [decision.verdict.kind for decision in ledger(desk).decisions(desk.reader)] == ["cannot_judge"]


def test_a_refusal_is_in_the_language_of_its_ticket_even_of_one_that_has_expired(desk):
    assert desk.post("queue", count=-1).json()["message"].endswith("ist ungültig. Laden Sie die Seite neu.")
    packet = desk.shown()
    desk.decide(packet, "reject")
    assert "in einem anderen Fenster" in desk.decide(packet, "reject").json()["message"]
    key = desk.study.key()
    desk.ticket = sign(replace(verify(desk.ticket, key), expires_s=0), key)
    response = desk.post("queue", count=1)
    assert (response.status_code, response.json()["message"]) == (401, words_in("de")("error.expired"))


@pytest.mark.parametrize("text", ["", ".", "e30.e30", "bnVsbA==.", "eyJsYW5ndWFnZSI6InRsaCJ9."])
def test_a_ticket_that_names_no_language_of_the_catalogue_is_refused_in_english(text):
    assert claimed_language(text) == "en"
