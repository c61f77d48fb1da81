"""What holds on every page, driven from the entry file."""

import json
import re

import pytest

from overread_app.processes import STUDIES_VARIABLE
from tests.app.conftest import open_page, page_text
from tests.paths import APP, ENTRY

PAGES = ("studies", "review", "train", "insights", "export", "help")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_not_for_diagnosis_and_names_no_file_path_or_hash(app, made_study, name):
    open_page(app, name, reader="Dr. Mira Sand")
    text = page_text(app)
    assert not app.exception
    assert not app.error
    assert "Not for diagnosis" in text
    assert "secret" not in text
    assert str(made_study.path.parent) not in text
    for sample_id in made_study.samples()["sample_id"]:
        assert sample_id not in text


@pytest.mark.parametrize("name", PAGES)
def test_a_page_without_any_study_says_what_to_do(app, name, monkeypatch, tmp_path):
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps([str(tmp_path / "none")]))
    open_page(app, name)
    assert not app.exception
    assert not app.error
    assert "no study yet" in page_text(app) or name in ("studies", "help")


def test_an_error_of_the_user_is_shown_as_it_is(app, made_study, monkeypatch):
    from overread.errors import StudyError
    from overread_app import study_data

    def refuse(study):
        raise StudyError("row_14: label *odd* is unknown; fix the row")

    monkeypatch.setattr(study_data, "load_samples", refuse)
    app.run()
    assert app.warning[0].value.replace("\\", "") == "row_14: label *odd* is unknown; fix the row"
    assert not app.error


def test_any_other_error_shows_an_id_that_the_log_has_too_and_tells_nothing_of_its_message(
    app, made_study, monkeypatch, caplog
):
    from overread_app import study_data

    def fail(study):
        raise RuntimeError("patient Jane Doe in /secret/jane.dcm")

    monkeypatch.setattr(study_data, "load_samples", fail)
    app.run()
    assert not app.exception
    shown = app.error[0].value
    error_id = re.search(r"error ([0-9a-f]{8})", shown).group(1)
    assert "Jane" not in shown
    assert "Traceback" not in shown
    assert error_id in caplog.text
    assert "RuntimeError" in caplog.text
    assert "Jane" not in caplog.text


def test_the_picker_changes_the_study_on_every_page(app, made_study, monkeypatch, tmp_path):
    from tests.app.made_study import write_study

    other = write_study(tmp_path / "other", name="Chest films", num_samples=12, seed=1)
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps([str(made_study.path), str(other.path)]))
    open_page(app, "insights")
    assert {metric.label: metric.value for metric in app.metric}["Images"] == "48"
    app.selectbox[0].select(other.path.resolve()).run()
    assert {metric.label: metric.value for metric in app.metric}["Images"] == "12"
    open_page(app, "train")
    assert "Chest films" in page_text(app)


def test_a_reload_comes_back_to_the_study_by_an_address_that_names_none(app, made_study, monkeypatch, tmp_path):
    from streamlit.testing.v1 import AppTest

    from tests.app.made_study import write_study

    other = write_study(tmp_path / "second", name="Second study", seed=1)
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps([str(made_study.path), str(other.path)]))
    open_page(app, "insights")
    app.selectbox[0].select(other.path.resolve()).run()
    address = app.query_params["study"]
    assert re.fullmatch(r"[0-9a-f]{8}", address)
    reloaded = AppTest.from_file(str(ENTRY), default_timeout=30)
    reloaded.query_params["study"] = address
    reloaded.run()
    assert open_page(reloaded, "export").selectbox[0].value == other.path.resolve()


@pytest.mark.parametrize(
    ("homes", "words"),
    [({"session.py"}, "session_state"), ({"study_data.py", "audit_data.py"}, "cache_(data|resource)")],
)
def test_the_session_state_and_the_caches_have_their_homes(homes, words):
    assert {path.name for path in APP.rglob("*.py") if re.search(words, path.read_text())} == homes
