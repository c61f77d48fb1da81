"""Whose verdicts these are: a name that is taken asks for its code, two tabs do not overrule each other, and what a
busy ledger did not take is sent again."""

import pytest
from streamlit.testing.v1 import AppTest

from overread.errors import LedgerBusyError
from overread.pipeline.study_ledger import open_ledger
from overread.records import VerdictKind
from overread.review import reader_codes
from overread.review.ledger import Ledger
from overread_app import visit
from tests.app.conftest import open_page, page_text, press
from tests.paths import ENTRY

READER = "Ada Lovelace"


@pytest.fixture(autouse=True)
def no_dwell(monkeypatch):
    monkeypatch.setattr(visit, "MIN_DWELL_S", 0)


def new_browser():
    return AppTest.from_file(str(ENTRY), default_timeout=30)


def give_name(app, name=READER):
    app.text_input(key="review_reader_name").set_value(name)
    press(app, "Start reviewing")
    return app


def shown_code(app):
    text = next(element.value for element in app.caption if element.value.startswith("Your code: "))
    return text.split("**")[1]


def test_a_name_gets_a_code_which_is_shown_once(app, made_study):
    give_name(open_page(app, "review"))
    assert len(shown_code(app).replace(" ", "")) == 6
    app.button(key="review_code_noted").click().run()
    assert "Your code: " not in page_text(app)


def test_a_name_in_a_new_browser_asks_for_its_code(app, made_study):
    code = shown_code(give_name(open_page(app, "review")))
    other = give_name(open_page(new_browser(), "review"))
    assert "This name is already used in this study" in page_text(other)
    assert not [button for button in other.button if button.label.startswith("Keep ")]
    other.text_input(key="review_reader_code").set_value("ABCDEF")
    press(other, "Start reviewing")
    assert "That is not the code for this name" in page_text(other)
    other.text_input(key="review_reader_code").set_value(f" {code.lower().replace(' ', '-')} ")
    press(other, "Start reviewing")
    assert [button for button in other.button if button.label.startswith("Keep ")]


def test_a_name_with_verdicts_from_before_there_were_codes_is_given_one(app, made_study):
    ledger = open_ledger(made_study)
    assert not reader_codes.has_code(ledger, READER)
    give_name(open_page(app, "review"))
    assert reader_codes.is_right_code(open_ledger(made_study), READER, shown_code(app))


def test_the_code_is_nowhere_in_the_ledger(app, made_study):
    code = shown_code(give_name(open_page(app, "review"))).replace(" ", "")
    assert code not in str(open_ledger(made_study).history())


def test_a_stale_tab_decides_nothing_and_shows_what_was_decided(app, made_study):
    first = open_page(app, "review", reader=READER)
    stale = open_page(new_browser(), "review", reader=READER)
    press(first, "Keep")
    (kept,) = open_ledger(made_study).decisions()
    press(stale, "Change to")
    assert [decision.verdict.kind for decision in open_ledger(made_study).decisions()] == [VerdictKind.REJECT]
    assert "decided this sample in another window" in page_text(stale)
    assert f"Saved: {kept.verdict.given_label}, kept" in page_text(stale)
    press(stale, "Keep")
    assert len(open_ledger(made_study).decisions()) == 2
    assert "decided this sample in another window" not in page_text(stale)


def test_an_undo_in_a_stale_tab_takes_nothing_back(app, made_study):
    first = open_page(app, "review", reader=READER)
    press(first, "Keep")
    stale = open_page(new_browser(), "review", reader=READER)
    press(first, "Keep")
    press(stale, "Undo")
    assert len(open_ledger(made_study).decisions()) == 2
    assert "nothing was undone" in page_text(stale)


@pytest.mark.parametrize("num_refusals", [1, 2])
def test_what_a_busy_ledger_did_not_take_is_sent_again_once(app, made_study, monkeypatch, num_refusals):
    record, refused = Ledger.record, []

    def busy(self, verdict):
        if len(refused) < num_refusals:
            refused.append(verdict)
            raise LedgerBusyError("the review ledger is in use by somebody else")
        return record(self, verdict)

    monkeypatch.setattr(Ledger, "record", busy)
    open_page(app, "review", reader=READER)
    press(app, "Keep")
    assert "Not saved yet: the ledger is in use. Trying again" in page_text(app)
    app.run()  # as the page does by itself a moment later
    num_saved = len(open_ledger(made_study).decisions())
    if num_refusals == 1:
        assert num_saved == 1
        assert "Not saved" not in page_text(app)
    else:
        assert num_saved == 0
        assert "Not saved: the review ledger is in use" in page_text(app).replace("\\", "")
        press(app, "Keep")
        assert len(open_ledger(made_study).decisions()) == 1
    assert len(refused) == num_refusals


def test_a_reader_who_is_not_the_owner_exports_their_own_rows_alone(app, made_study, monkeypatch):
    asked = {}
    monkeypatch.setattr("streamlit.download_button", lambda label, *, data, **options: asked.update({label: data}))
    for name in (READER, "Bob"):
        press(open_page(new_browser(), "review", reader=name), "Change to" if name == "Bob" else "Keep")
    open_page(app, "export", reader=READER, is_owner=False)
    assert list(asked) == ["Download your verdicts"]
    lines = asked["Download your verdicts"]().decode().splitlines()
    assert len(lines) == 2
    assert ",reject," in lines[1]
    assert READER in lines[1]
    assert "Bob" not in lines[1]
    assert not app.get("metric")


def test_the_owner_is_who_opened_the_address_that_the_terminal_shows(app, made_study, monkeypatch):
    monkeypatch.setenv("OVERREAD_OWNER", "a secret")
    app.query_params["owner"] = "a guess"
    open_page(app, "export", is_owner=False)
    assert "Only the study's owner" in page_text(app)
    app.query_params["owner"] = "a secret"
    app.run()
    assert "Only the study's owner" not in page_text(app)
