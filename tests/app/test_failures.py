"""What a callback cannot do is told on the page, in its place and with its fields, and not as a trace."""

import pytest

from overread.audit.design import AuditQuestion
from overread.errors import LedgerBusyError, ReadOnlyError
from overread.pipeline.audit_steering import end_audit
from overread.pipeline.audit_study import open_audit
from overread.review.ledger import Ledger
from overread.review.queue_choice import QueueOrder
from overread.studies.study import open_study
from tests.app.conftest import open_page, page_text, press, refuse

READ_ONLY = "the disk or database for the verdicts is read"


@pytest.fixture
def audited(made_study):
    open_audit(made_study, AuditQuestion(0.1), reads_blind=False)
    return made_study


@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("overread.pipeline.audit_steering.end_audit", lambda page: press(page, "End this audit")),
        ("overread.pipeline.audit_steering.choose_next", lambda page: page.radio[0].set_value("find errors").run()),
        ("overread_app.components.audit_form.open_audit", lambda page: press(page, "Draw the sample")),
    ],
)
def test_what_cannot_be_done_on_the_audit_page_is_said_there(app, audited, monkeypatch, name, act):
    monkeypatch.setattr(name, refuse(ReadOnlyError(f"{audited.path}: is read-only")))
    page = act(open_page(app, "audit"))
    (error,) = page.error
    assert error.value.startswith(READ_ONLY) and str(audited.path) not in error.value
    assert not page.exception and "What readers see next" in page_text(page)
    assert page.radio[0].value == "prove"
    assert not page.run().error  # it is told once


def test_an_audit_that_was_ended_elsewhere_is_said_where_another_can_be_drawn(app, audited):
    page = open_page(app, "audit")
    end_audit(audited)
    page.radio[0].set_value("find errors").run()
    assert "no audit is open" in page.error[0].value and "This takes about" in page_text(page)


def test_a_setting_that_cannot_be_saved_stays_as_it_is_on_the_page_too(app, made_study, monkeypatch):
    monkeypatch.setattr("overread_app.components.grades_field.configure", refuse(OSError(30, "Read-only file system")))
    page = open_page(app, "studies")

    def switch():
        return next(one for one in page.toggle if one.key.startswith("studies_grades_"))

    switch().set_value(True).run()
    assert page.error and not page.exception
    assert switch().value is False
    assert not open_study(made_study.path).asks_grades


def test_a_queue_can_be_chosen_while_the_ledger_cannot_be_reached(app, made_study, monkeypatch):
    app.session_state["review_more"] = True
    page = open_page(app, "review", reader="Ada")
    order = next(one for one in page.selectbox if one.label == "Order")
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "changes", refuse(LedgerBusyError("somebody else is writing")))
        order.set_value(QueueOrder.RANDOM).run()
        assert not page.exception and page.warning
    page.run()
    assert next(one for one in page.selectbox if one.label == "Order").value == QueueOrder.RANDOM
    assert not page.warning
