"""Images over the routes of reading."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.app.reading.desk import Desk


@pytest.fixture
def desk(study):
    return Desk(study)


def test_an_image_arrives_without_loss_and_only_for_this_reader_s_browser(study, desk):
    packet = desk.shown()
    image = study.samples().set_index("sample_id").loc[packet["id"], "image"]
    source = np.asarray(Image.open(study.image_location(image).path))
    assert np.array_equal(desk.values(packet), source)
    headers = desk.image(packet).headers
    assert headers["Cache-Control"].startswith("private")
    assert headers["Vary"] == "Authorization"
    assert json.loads(headers["X-Overread-Image"])["isDicom"] is False


def test_an_image_that_cannot_be_shown_says_why_without_its_name_and_can_be_judged(study, desk):
    packet = desk.shown()
    image = study.samples().set_index("sample_id").loc[packet["id"], "image"]
    study.image_location(image).path.write_bytes(b"no image")
    response = desk.image(packet)
    assert response.status_code == 404
    assert response.json()["message"].startswith("This image cannot be shown. Reason: ")
    assert "secret" not in response.text
    assert desk.image(packet | {"id": "no-such-sample"}).status_code == 404
    assert desk.decide(packet, "cannot_judge").status_code == 200
