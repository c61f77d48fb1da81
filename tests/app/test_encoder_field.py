"""The field for an encoder on the Train page."""

import json

import pytest
import streamlit as st

from overread.known_encoders import KNOWN_ENCODERS
from overread_app import processes
from overread_app.components.encoder_field import ask_encoder
from overread_app.readable_roots import ROOTS_VARIABLE
from tests.app.conftest import open_page, page_text, press


@pytest.fixture
def started(monkeypatch):
    """The arguments of the trainings that the page starts."""

    class Process:
        def poll(self):
            return 0

    arguments = []

    def start(_study, options, *, log, actor):
        arguments.append(options)
        return Process()

    monkeypatch.setattr(processes, "start_training", start)
    return arguments


@pytest.fixture
def entered(monkeypatch, tmp_path):
    """Options of `train` for a typed text, and what is said of it. AppTest knows no text that is no option."""
    said = []
    monkeypatch.setattr(st, "warning", lambda text, **_: said.append(text))
    monkeypatch.setenv(ROOTS_VARIABLE, json.dumps([str(tmp_path / "allowed")]))
    (tmp_path / "allowed").mkdir()

    def enter(text):
        said.clear()
        monkeypatch.setattr(st, "selectbox", lambda *_, **__: text)
        return ask_encoder(), list(said)

    return enter


def test_without_an_encoder_training_takes_the_one_that_comes_with_overread(app, made_study, started):
    open_page(app, "train")
    assert app.selectbox(key="train_encoder").value is None
    press(app, "Start training")
    assert len(started) == 1
    assert "--encoder" not in started[0]


@pytest.mark.parametrize("known", [KNOWN_ENCODERS[0], KNOWN_ENCODERS[-1]], ids=lambda known: known.name)
def test_a_known_encoder_says_how_to_get_it_and_starts_nothing(known, app, made_study, started):
    open_page(app, "train").selectbox(key="train_encoder").set_value(known.name)
    press(app, "Start training")
    text = page_text(app).replace("\\", "")
    assert started == []
    assert all(part in text for part in (known.address, known.licence, known.access, *known.files))


def test_a_path_reaches_the_training(entered, tmp_path):
    folder = tmp_path / "allowed" / "rad dino"
    folder.mkdir()
    assert entered(f" {folder} ") == (["--encoder", str(folder)], [])


def test_a_path_that_is_not_there_or_may_not_be_read_starts_nothing(entered, tmp_path):
    assert entered(str(tmp_path / "allowed" / "nothing")) == (None, ["There is no such folder or file."])
    (tmp_path / "model.onnx").touch()
    outside = entered(str(tmp_path / "model.onnx"))
    assert outside[0] is None
    assert outside[1][0].startswith("The app reads only inside the folders")
    assert entered(str(tmp_path / "nothing.onnx")) == outside  # nor does it say whether the file is there
    assert entered("model.onnx") == (None, ["Enter the whole path of a folder or file, or choose from the list."])
