"""A study that is updated while its page is open: no verdict is saved on what was not in sight."""

import json

import pytest

from overread.pipeline.study_ledger import open_ledger
from tests.app.reading.desk import Desk


@pytest.fixture
def desk(study):
    return Desk(study)


def set_sample(study, sample_id, **cells):
    """Change cells of a sample, as an update of the study does."""
    samples = study.samples()
    if "sha256" not in samples:
        samples["sha256"] = ""
    samples.loc[samples["sample_id"] == sample_id, list(cells)] = list(cells.values())
    samples.to_csv(study.samples_path, index=False)


def test_a_verdict_on_an_image_that_was_updated_while_it_was_shown_is_refused_and_the_page_is_told(study, desk):
    packet = desk.shown()
    set_sample(study, packet["id"], sha256="0" * 64)
    response = desk.decide(packet, "accept")
    assert (response.status_code, response.json()["isChanged"]) == (409, True)
    assert "Your verdict was not saved" in response.json()["message"]
    assert desk.image(packet).status_code == 404
    assert open_ledger(study).history() == []
    again = desk.shown()
    assert (again["id"], again["image"] != packet["image"]) == (packet["id"], True)
    assert desk.image(again).status_code == 200
    assert desk.decide(again, "accept").status_code == 200
    assert open_ledger(study).decisions()[0].verdict.image_sha256 == "0" * 64
    assert "0" * 16 not in json.dumps(again)


@pytest.mark.parametrize("name", ["given", "other"])
def test_a_verdict_on_a_label_that_is_not_the_study_s_is_refused(study, desk, name):
    packet = desk.shown()
    changed = packet | {name: {"label": "another label"}}
    assert desk.decide(changed, "cannot_judge", chosen_label=packet["given"]["label"]).status_code == 409
    assert open_ledger(study).history() == []


def test_a_verdict_that_was_saved_before_the_study_was_updated_may_be_sent_again(study, desk):
    packet = desk.shown()
    key = desk.decide(packet, "reject", visit="v").json()["key"]
    set_sample(study, packet["id"], sha256="0" * 64)
    response = desk.decide(packet, "reject", visit="v")
    assert (response.status_code, response.json()["key"]) == (200, key)
    assert len(open_ledger(study).decisions()) == 1
