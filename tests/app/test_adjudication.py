"""The Adjudication page: who sees what of a dispute, and what a press records."""

import pytest

from overread.errors import ReadOnlyError
from overread.pipeline.exporting import export_table
from overread.records import VerdictKind
from overread.review.adjudication import disputes, open_round
from overread.review.disputes import DisputeState, Opinion, Round
from overread_app.boundary import plain_text
from overread_app.components import dispute_fields
from tests.app.conftest import open_page, page_text, press
from tests.app.verdicts import dispute, verdicts

NOTE = "villous in places"


@pytest.fixture
def ledger(made_study, monkeypatch):
    """Ann and Ben differ on two samples of the study."""
    monkeypatch.setattr(dispute_fields, "DWELL_S", 0.0)
    return dispute(made_study, number=2, note=NOTE)


def test_before_a_round_a_reader_s_page_is_that_of_a_study_without_disputes(app, ledger):
    text = page_text(open_page(app, "adjudication", reader="Ann", is_owner=False))
    assert "Nothing waits for you" in text
    assert not any(word in text for word in (NOTE, "Ben", "differ", "Not opened"))


def test_the_owner_opens_a_round_and_the_reader_sees_the_other_s_label_without_a_name(app, ledger):
    page = open_page(app, "adjudication", reader="Olga")
    assert "Not opened: 2" in page_text(page)
    press(page, "Open a second round now")
    assert [row.kind for row in ledger.history()][-1] == "round"
    text = page_text(open_page(app, "adjudication", reader="Ann", is_owner=False))
    assert all(words in text for words in ("Your label", "Another reader", NOTE))
    assert "Ben" not in text


def test_a_press_records_the_second_label_and_goes_on(app, ledger):
    open_round(ledger, Round.SECOND, "Olga")
    page = open_page(app, "adjudication", reader="Ann", is_owner=False)
    press(page, "Change to")
    press(page, "Keep")
    assert "Nothing waits for you" in page_text(page)
    changed, kept = (dispute for _, dispute in sorted(disputes(ledger).items()))
    assert changed.second == {"Ann": Opinion(changed.first["Ben"].label)}
    assert kept.second == {"Ann": kept.first["Ann"]}


def test_an_adjudicator_decides_blind_unless_they_ask(app, ledger):
    open_round(ledger, Round.ADJUDICATION, "Olga")
    page = open_page(app, "adjudication", reader="Cleo")
    assert NOTE not in page_text(page)
    press(page, "normal")
    page.toggle[0].set_value(True).run()
    assert NOTE in page_text(page)
    press(page, "Cannot be resolved")
    rows = [row for row in ledger.history() if row.kind == "adjudication"]
    assert [(row.reader, row.chosen_label, row.verdict, row.protocol) for row in rows] == [
        ("Cleo", "normal", "", "blind"),
        ("Cleo", "", "unresolved", "open"),
    ]
    assert {one.state for one in disputes(ledger).values()} == {DisputeState.ADJUDICATED, DisputeState.UNRESOLVED}


def test_who_read_an_image_is_not_asked_to_adjudicate_it(app, ledger):
    open_round(ledger, Round.ADJUDICATION, "Olga")
    assert "Nothing waits for you" in page_text(open_page(app, "adjudication", reader="Ben"))


def test_a_press_that_was_meant_for_the_image_before_is_not_taken(app, ledger, monkeypatch):
    monkeypatch.setattr(dispute_fields, "DWELL_S", 60.0)
    open_round(ledger, Round.ADJUDICATION, "Olga")
    press(open_page(app, "adjudication", reader="Cleo"), "normal")
    assert not [row for row in ledger.history() if row.kind == "adjudication"]


@pytest.mark.parametrize(
    ("name", "button"), [("record_second", "Change to"), ("open_round", "Open a second round now")]
)
def test_what_a_read_only_disk_does_not_take_is_said_without_its_path(
    app, ledger, made_study, monkeypatch, name, button
):
    def refuse(*_, **__):
        raise ReadOnlyError(f"{made_study.path}: is read-only: verdicts can be read but not saved")

    if name == "record_second":
        open_round(ledger, Round.SECOND, "Olga")
    monkeypatch.setattr(f"overread.review.adjudication.{name}", refuse)
    page = open_page(app, "adjudication", reader="Ann")
    num_rows = len(ledger.history())
    press(page, button)
    assert [error.value for error in page.error] == [plain_text("the disk or database for the verdicts is read-only")]
    assert len(ledger.history()) == num_rows


def test_the_last_answer_can_be_given_anew(app, ledger):
    open_round(ledger, Round.SECOND, "Olga")
    page = open_page(app, "adjudication", reader="Ann", is_owner=False)
    press(page, "Change to")
    press(page, "Back to the last image")
    press(page, "Keep")
    first, second = (dispute.second for _, dispute in sorted(disputes(ledger).items()))
    assert first == {"Ann": Opinion(disputes(ledger)[min(disputes(ledger))].first["Ann"].label)}
    assert second == {}


def test_an_export_takes_what_was_adjudicated_once_a_round_was_opened(app, ledger, made_study):
    disputed = export_table(made_study)[0]
    assert (disputed["verdict"] == "disputed").sum() == 2
    open_round(ledger, Round.ADJUDICATION, "Olga")
    press(open_page(app, "adjudication", reader="Cleo"), "Exclude the image")
    table = export_table(made_study)[0]
    assert set(table["policy"]) == {"adjudicated"}
    [(label, reader)] = table.loc[table["verdict"] == "adjudicated", ["final_label", "reader"]].itertuples(index=False)
    assert (label, reader) == ("", "Ann; Ben; Cleo")
    assert (table["verdict"] == "disputed").sum() == 1


def test_a_reader_who_found_it_ambiguous_is_not_said_to_have_labelled_it(app, ledger, made_study):
    for verdict in verdicts(made_study, reader="Cem", number=1, kind=VerdictKind.AMBIGUOUS):
        ledger.record(verdict)
    open_round(ledger, Round.SECOND, "Olga")
    text = page_text(open_page(app, "adjudication", reader="Cem", is_owner=False))
    assert text.count("**Ambiguous**, so the given label, **adenoma**, is kept") == 1
