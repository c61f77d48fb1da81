"""What Streamlit shows of the pages for reading, in German: no text of it is left in English."""

import json

import pytest

from overread.studies.study import set_protocol
from overread_app.processes import STUDIES_VARIABLE
from overread_app.words.catalogue import ENGLISH, words_in
from tests.app.conftest import open_page, page_text
from tests.app.made_study import write_study

READER = "Dr. Mira Sand"
GERMAN = words_in("de")
ENGLISH_ONLY = [
    text
    for key, texts in ENGLISH.texts.items()
    for text in ([texts] if isinstance(texts, str) else texts.values())
    if GERMAN.texts[key] != texts and "{" not in text and " " in text  # a single word may be a part of another one
]


@pytest.fixture(autouse=True)
def german(app):
    app.session_state["session_language"] = "de"


def everything(app) -> str:
    """The page's text, with its fields' labels, choices and hints."""
    fields = [*app.selectbox, *app.select_slider, *app.text_input, *app.checkbox]
    names = ("label", "help", "placeholder")
    parts = [getattr(field, name, "") for field in fields for name in names]
    options = [option for field in (*app.selectbox, *app.select_slider) for option in field.options]
    links = [link.proto.label for link in app.get("page_link")]
    return "\n".join([page_text(app), *filter(None, parts), *options, *links])


def check(app, *texts: str) -> None:
    """The page has these texts of the catalogue, and none in English."""
    said = everything(app)
    assert not app.exception
    assert [text for text in ENGLISH_ONLY if text in said] == []
    assert [key for key in texts if GERMAN(key) not in said] == []


def test_the_name_is_asked_for_in_german(app, made_study):
    check(open_page(app, "review"), "reader.who", "reader.name_text", "reader.start", "frame.not_for_diagnosis")


def test_the_end_and_the_queue_are_in_german(app, made_study):
    open_page(app, "review", reader=READER)
    app.session_state["session_resting"] = "end"
    check(app.run(), "review.no_proposals", "queue.order", "queue.pace", "threshold.own", "review.export")


def test_a_study_without_a_run_is_offered_in_german(app, tmp_path, monkeypatch):
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps([str(write_study(tmp_path, has_run=False).path)]))
    check(open_page(app, "review"), "review.untrained", "review.without_model", "review.without_model_text")
    check(open_page(app, "gallery"), "gallery_page.no_run")


def test_the_gallery_is_in_german(app, made_study):
    check(open_page(app, "gallery", reader=READER), "gallery_page.one_by_one", "gallery_page.pairs")


def test_blind_first_is_explained_in_german(app, made_study):
    set_protocol(made_study.path, "blind")
    check(open_page(app, "gallery", reader=READER), "gallery_page.blind")


def test_other_pages_stay_english(app, made_study):
    said = everything(open_page(app, "train", reader=READER))
    assert ENGLISH("frame.not_for_diagnosis") in said
    assert GERMAN("frame.not_for_diagnosis") not in said
