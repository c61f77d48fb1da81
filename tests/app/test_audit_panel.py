"""What the pages say of an open audit, driven from the entry file."""

import json
import shutil

import pytest

from overread.audit.design import AuditQuestion
from overread.audit.proposal_bounds import ProposalBounds
from overread.audit.statement import Statement
from overread.audit.wording import least_percent, most_percent
from overread.pipeline.audit_store import Audit
from overread.pipeline.audit_study import AuditNow, open_audit
from overread.pipeline.study_ledger import open_ledger
from overread.review.queue_choice import QueueChoice
from overread.studies.run import open_run
from overread.studies.study import open_study, set_protocol
from overread_app import session, study_data
from overread_app.components.audit_line import audit_line
from overread_app.reading.open_rooms import open_room
from overread_app.reading.packets import packets
from overread_app.reading.reader_state import reader_state
from overread_app.words.catalogue import ENGLISH
from tests.app.conftest import open_page, page_text
from tests.app.verdicts import verdicts

LONGEST = 12


@pytest.mark.parametrize(
    ("question", "proved", "asked"),
    [
        (AuditQuestion(), "at most 3.5 % wrong", "at most 2 % wrong"),
        (AuditQuestion(min_precision=0.8), "at least 65 % of proposals", "at least 80 % of proposals"),
    ],
)
@pytest.mark.parametrize(("num_read", "num_to_read"), [(0, 120), (40, 120), (40, 0), (40, None)])
def test_the_live_line_has_sentences_of_twelve_words_at_most(num_read, num_to_read, question, proved, asked):
    bounds = ProposalBounds(tuple(range(1, 101)), (65,) * 100, num_read, num_to_read)
    audit = Audit(question, "run", (), 120, 120, 3000, "", "", "", "")
    now = AuditNow(audit, Statement(3784, num_read, 129, 2, 0, num_to_read, ()), bounds, "", 1, 0, num_read)
    line = audit_line(now, ENGLISH)
    sentences = line.replace("%.", "%|").replace(". ", "|").split("|")
    assert max(len(sentence.split()) for sentence in sentences) <= LONGEST + 1  # "%" stands by itself
    assert (((proved in line) == bool(num_read)) and asked in line) or num_to_read == 0


def test_bounds_are_rounded_to_the_side_that_is_proved():
    assert (most_percent(1001, 100_000), least_percent(1999, 100_000)) == ("1.1 %", "1.9 %")


def test_insights_show_the_bound_by_verdicts_and_the_stopping_rule(app, made_study):
    open_audit(made_study, AuditQuestion(0.2))
    for verdict in verdicts(made_study, reader="Ada", number=3):
        open_ledger(made_study).record(verdict)
    open_page(app, "insights")
    [chart] = [
        json.loads(each.proto.spec) for each in app.get("plotly_chart") if "by the number of verdicts" in each.proto.alt
    ]
    proved, *_, asked = chart["data"]
    assert proved["y"][0] == 100 and len(proved["y"]) > 1
    assert set(asked["y"]) == {20}
    text = page_text(app)
    assert "look after every verdict" in text and "48 labels" in text


def test_insights_show_the_audit_of_a_study_without_a_run(app, made_study):
    shutil.rmtree(made_study.runs_path)
    open_audit(made_study, AuditQuestion(0.2))
    open_page(app, "insights")
    assert "of 48 labels (100 %) are still wrong" in page_text(app) and not app.exception


def test_the_line_tells_the_bound_to_none_but_those_who_may_see_others(app, made_study, monkeypatch):
    num_drawn = open_audit(made_study, AuditQuestion(0.2)).num_drawn
    for verdict in verdicts(made_study, reader="Ben", number=3):
        open_ledger(made_study).record(verdict)
    open_page(app, "review", reader="Ada")
    assert "Proved now" in page_text(app)
    monkeypatch.setattr(session, "may_see_others", lambda: False)
    open_page(app, "review", reader="Ada")
    assert f"{num_drawn} images of its sample wait" in page_text(app) and "Proved" not in page_text(app)


def test_insights_say_how_an_audit_is_opened(app, made_study):
    open_page(app, "insights")
    assert "No audit is open" in page_text(app)


def test_the_queue_of_a_room_holds_the_sample(made_study):
    run = open_run(made_study)
    before = open_room(made_study, run).order(QueueChoice()).sample_ids
    open_audit(made_study, AuditQuestion(0.2))
    room = open_room(made_study, run)
    assert set(room.order(QueueChoice()).sample_ids) == {*before, *room.drawn.ranks}
    assert len(room.drawn.ranks) > 0 and not set(room.drawn.ranks) <= set(before)


def test_the_page_does_not_say_which_images_were_drawn_at_random(made_study):
    run = open_run(made_study)
    open_audit(made_study, AuditQuestion(0.2))
    room = open_room(made_study, run)
    standing = reader_state(study_data.ledger(made_study), "Ada").current()
    shown = packets(room, list(room.drawn.ranks), standing, ENGLISH)
    assert {each["isProposed"] for each in shown} == {True, False}
    assert {(each["title"], each["otherTitle"]) for each in shown} == {
        ("Is the given label right?", "Most likely other")
    }


def test_a_drawn_sample_is_read_blind_where_the_study_is(made_study):
    set_protocol(made_study.path, "blind")
    blind = open_study(made_study.path)
    open_audit(blind, AuditQuestion(0.2))
    room = open_room(blind, open_run(blind))
    drawn = [one for one in room.drawn.ranks if not room.is_proposed[room.rows[one]]]
    assert drawn and all(room.is_hidden(room.rows[one], ()) for one in drawn)


def test_without_a_model_the_sample_comes_first_in_its_order(made_study):
    [run] = made_study.runs_path.iterdir()
    shutil.rmtree(run)
    open_audit(made_study, AuditQuestion(0.2))
    room = open_room(made_study, None)
    order = room.order(QueueChoice("random")).sample_ids
    assert len(order) == 48
    assert [one for one in order if one in room.drawn.ranks] == list(room.drawn.ranks)
