"""Who may ask the routes of reading for what: a ticket's reader, study and run, from the app's own pages."""

import base64
import json
import os
import shutil
import time
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from overread.pipeline.study_ledger import open_ledger
from overread.review.queue_choice import QueueChoice
from overread.studies.run import open_run
from overread.studies.study import open_study, update_study_file
from overread_app import session
from overread_app.processes import STUDIES_VARIABLE
from overread_app.reading import routes, tickets
from overread_app.reading.page_data import Jump, component_data
from overread_app.reading.tickets import Ticket, TicketError, claimed_study, sign, verify
from tests.app.made_study import write_study
from tests.app.reading.desk import PORT, READER, Desk, server

CHOICE = QueueChoice(order="class pair", given="a", min_probability=0.25, only="later", repeats=True)
TICKET = Ticket("0123abcd", "run", "Ann Ö", CHOICE, 2**40, 7, "1.2")
PATHS = ("queue", "verdict", "undo")


def test_a_ticket_is_read_back_under_its_own_key_alone():
    text = sign(TICKET, b"key")
    assert verify(text, b"key") == TICKET
    assert claimed_study(text) == TICKET.study
    with pytest.raises(TicketError, match="Reload"):
        verify(text, b"another key")


def test_a_ticket_expires(monkeypatch):
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    text = sign(replace(TICKET, expires_s=tickets.expiry()), b"key")
    assert verify(text, b"key").expires_s - now <= tickets.LIFETIME_S
    now += tickets.LIFETIME_S / 2 - 1
    verify(text, b"key")
    now += tickets.LIFETIME_S / 2 + 1
    with pytest.raises(TicketError, match="Reload"):
        verify(text, b"key")


@pytest.mark.parametrize("text", ["", ".", "a.b", "é.é", "e30.e30", "bnVsbA==.", "W10=.AA==", "A" * 10_000])
def test_what_is_no_ticket_is_refused(text):
    with pytest.raises(TicketError, match="Reload"):
        claimed_study(text)


@pytest.mark.parametrize(
    "change", [{"reader": "Bob"}, {"run": "other"}, {"expires_s": 2**41}, {"choice": asdict(QueueChoice())}]
)
def test_a_changed_ticket_opens_nothing(study, change):
    desk = Desk(study)
    content, signature = desk.ticket.split(".")
    fields = json.loads(base64.urlsafe_b64decode(content)) | change
    desk.ticket = base64.urlsafe_b64encode(json.dumps(fields).encode()).decode() + "." + signature
    for response in (*(desk.post(path) for path in PATHS), desk.image({"id": "s", "image": ""})):
        assert response.status_code == 401
        assert set(response.json()) == {"message"}


def test_a_request_without_a_ticket_is_refused(study):
    client = server()
    for path in PATHS:
        assert client.post(f"/reading/{path}", json={}).status_code == 401
    sample_id = Desk(study).shown()["id"]
    assert client.get(f"/reading/image/{sample_id}").status_code == 401
    assert client.get(f"/reading/image/{sample_id}", headers={"Authorization": "Basic YTpi"}).status_code == 401


def test_a_ticket_of_one_study_opens_no_other(study, tmp_path, monkeypatch):
    other = write_study(tmp_path / "other", seed=1)
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps([str(study.path), str(other.path)]))
    desk, packet = Desk(study), Desk(other).shown()
    desk.shown()
    assert desk.image(packet).status_code == 404
    ticket = replace(verify(desk.ticket, study.key()), study=session.study_address(other.path))
    desk.ticket = sign(ticket, study.key())
    assert desk.post("queue").status_code == 401


def test_a_ticket_of_a_study_that_the_server_does_not_show_is_refused(study, monkeypatch):
    desk = Desk(study)
    monkeypatch.setattr(routes, "_made", {})
    desk.shown()  # the server was started with it
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps([str(study.path.parent / "another")]))
    assert desk.post("queue").status_code == 401


def test_a_study_that_was_made_in_a_session_is_known_to_its_server(study, tmp_path):
    made = write_study(tmp_path / "made", seed=2)
    assert Desk(made).shown()["id"] in set(made.samples()["sample_id"])


def test_two_servers_on_one_study_take_each_other_s_tickets(study):
    first, second = Desk(study), Desk(study)
    second.ticket = first.ticket
    assert first.client is not second.client
    packet = first.shown()
    assert second.image(packet).content == first.image(packet).content
    key = first.decide(packet, "reject", visit="v").json()["key"]
    assert second.decide(packet, "reject", visit="v").json()["key"] == key  # sent again to the other one
    assert len(open_ledger(study).decisions()) == 1
    assert second.shown()["id"] != packet["id"]
    assert second.undo(key).status_code == 200
    assert first.shown()["id"] == packet["id"]


def test_a_reader_s_verdict_bears_the_name_of_the_ticket(study):
    Desk(study).decide(Desk(study).shown(), "reject", reader="Bob")
    assert [decision.verdict.reader for decision in open_ledger(study).decisions()] == [READER]


def test_the_ticket_of_a_run_that_was_replaced_is_void_until_the_page_is_reloaded(study):
    desk = Desk(study)
    packet = desk.shown()
    path = open_run(study).path / "scores.csv"
    scores = pd.read_csv(path)
    scores["label_error_probability"] = scores["label_error_probability"] / 2
    scores.to_csv(path, index=False)
    for response in (desk.post("queue"), desk.decide(packet, "reject"), desk.undo("k"), desk.image(packet)):
        assert response.status_code == 409
        assert response.json()["message"].startswith("The study or its run was updated. Nothing was saved.")
        assert response.json()["isReplaced"]
    assert open_ledger(study).history() == []
    probability = scores.set_index("sample_id")["label_error_probability"][Desk(study).shown()["id"]]
    assert Desk(study).shown()["chanceDetail"] == f"{probability:.2f}"
    shutil.rmtree(path.parent)
    assert desk.post("queue").status_code == 409


def test_a_ticket_is_void_once_the_study_s_classes_are_others(study):
    desk = Desk(study)
    packet = desk.shown()
    update_study_file(study.path, classes=("abnormal", *study.classes))
    for response in (desk.post("queue"), desk.decide(packet, "reject"), desk.image(packet)):
        assert response.status_code == 409
    again = Desk(open_study(study.path)).shown()
    assert (again["probs"][0], again["probs"][1:]) == (0, packet["probs"])


def test_without_a_run_a_ticket_is_void_once_the_samples_are_others(tmp_path):
    study = write_study(tmp_path, has_run=False)
    desk = Desk(study)
    packet = desk.shown()
    samples = study.samples()
    samples["given_label"] = np.roll(samples["given_label"], 1)
    samples.to_csv(study.samples_path, index=False)
    assert desk.decide(packet, "reject").status_code == 409
    assert open_ledger(study).history() == []
    fresh = Desk(study, choice=QueueChoice(order="random"))
    shown = fresh.queue(first=packet["id"], count=1)["samples"][0]
    assert (shown["id"], shown["given"] != packet["given"]) == (packet["id"], True)


def test_other_sites_and_other_types_of_content_are_refused(study):
    desk = Desk(study)
    headers = {"Authorization": f"Bearer {desk.ticket}", "Content-Type": "application/json"}
    ask = {"url": "/reading/queue", "content": "{}"}
    own = {"Origin": f"http://localhost:{PORT}"}
    assert desk.client.post(**ask, headers=headers | own).status_code == 200
    for strange in ({"Origin": "http://evil.example"}, {"Origin": "http://127.0.0.1:1"}, {"Host": "evil.example"}):
        assert desk.client.post(**ask, headers=headers | strange).status_code == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert desk.client.post(**ask, headers=headers | {"Content-Type": kind}).status_code == 422
    assert desk.client.get("/reading/queue", headers=headers).status_code == 405


def test_the_page_s_data_are_the_same_each_time_and_say_no_path(study):
    run = open_run(study)
    shown = {"choice": CHOICE, "since": 3, "jump": Jump("s", 1)}
    data = component_data(study, run, READER, **shown)
    assert data == component_data(study, run, READER, **shown)
    assert (data["base"], data["jump"], data["isDemo"]) == ("/reading", {"sample_id": "s", "number": 1}, False)
    assert [each["name"] for each in data["classes"]] == list(study.classes)
    assert [each["key"] for each in data["classes"]] == ["1", "2", "3"]
    assert [each["key"] for each in data["verdicts"]] == ["A", "X", "M", "N", "E"]
    decoded = base64.urlsafe_b64decode(data["ticket"].split(".")[0]).decode()
    assert os.fspath(study.path) not in decoded + json.dumps(data)
    assert data["storage"] != component_data(study, run, "Bob")["storage"]
