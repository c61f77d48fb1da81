"""A served study that others have read, tried by a reader: nothing tells of it before a round is opened, and no message
opens or answers a round for whose role does not allow it."""

import json
import time
from contextlib import contextmanager

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from overread.pipeline.study_ledger import open_ledger
from overread.records import VerdictKind
from overread.review.adjudication import disputes
from overread.review.disputes import DisputeState
from overread.review.roles import Role
from overread_app.components.dispute_fields import DWELL_S
from tests.app.test_served_session import answers, rerun
from tests.app.test_serving import NOTE, OTHER, PASSWORD, READER, serving, ticket_of
from tests.app.verdicts import verdicts

pytestmark = pytest.mark.slow

OWNER, ANN, CLEO = "Dr. Owner", "Dr. Ann", "Dr. Cleo"
PAGES = ("", "review", "gallery", "insights", "adjudication")


@pytest.fixture
def served(tmp_path, monkeypatch):
    """Ann and another reader have read the same three samples, and differ."""
    monkeypatch.setenv("OVERREAD_EPHEMERAL", "1")
    with serving(tmp_path) as app:
        for name, role in ((ANN, Role.READER), (CLEO, Role.ADJUDICATOR)):
            app.accounts.add(name, role, password=PASSWORD)
            app.accounts.grant(name, [app.study.ledger_study])
        record(app, ANN)
        yield app


def record(served, reader, **more):
    for verdict in verdicts(served.study, reader=reader, number=3, **more):
        open_ledger(served.study).record(verdict)


@contextmanager
def page_of(served, name, page="adjudication"):
    """Sends widgets' values from an open page, and returns what comes back as messages."""
    with served.socket(served.sign_in(name)) as socket:

        def send(**pressed):
            asked = BackMsg()
            asked.rerun_script.page_name = page
            for widget_id, value in pressed.items():
                widget = asked.rerun_script.widget_states.widgets.add()
                widget.id = widget_id
                if value is None:
                    widget.trigger_value = True
                else:
                    widget.bool_value = value
            return answers(socket, asked)

        yield send


def widgets(messages, kind):
    """The ids of a page's widgets by their titles."""
    found = [getattr(each.delta.new_element, kind) for each in messages if each.HasField("delta")]
    return {each.label.replace("\\", ""): each.id for each in found if each.id}


def text(messages):
    return b"".join(each.SerializeToString() for each in messages)


def deltas(messages):
    return [each.delta.SerializeToString() for each in messages if each.HasField("delta")]


def states(served):
    return {dispute.state for dispute in disputes(open_ledger(served.study)).values()}


def rows(served, kind):
    return [row for row in open_ledger(served.study).history() if row.kind == kind]


def test_what_a_reader_is_sent_is_the_same_whatever_others_have_read(served):
    token, ticket = served.sign_in(ANN), ticket_of(served, served.study, ANN)

    def sent():
        found = []
        for page in PAGES:
            with served.socket(token) as socket:
                found += [(page, deltas(answers(socket, rerun(page))))]
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {ticket}"}
        for route, asked in (
            ("queue", {"have": [], "count": 9}),
            ("decided", {"count": 9}),
            ("gallery/tiles", {"start": 0, "count": 60}),
        ):
            status, _, body = served.ask(f"/reading/{route}", token=token, body=json.dumps(asked), **headers)
            found += [(route, status, body)]
        return found

    before = sent()
    assert [status for _, status, _ in before[len(PAGES) :]] == [200, 200, 200]
    record(served, "Dr. Third", kind=VerdictKind.EXCLUDE)
    for reader in ("Dr. Fourth", "Dr. Fifth"):
        for verdict in verdicts(served.study, reader=reader, number=8):
            open_ledger(served.study).record(verdict)
    for was, now in zip(before, sent(), strict=True):
        assert was == now
    assert OTHER not in str(before) and NOTE not in str(before)


def test_no_message_opens_or_answers_a_round_without_the_role(served):
    with page_of(served, OWNER) as owner:
        buttons = widgets(owner(), "button")
        opens = {title: buttons[title] for title in ("Open a second round now", "Send to adjudication now")}
        for name in (ANN, CLEO, READER):
            with page_of(served, name) as other:
                drawn = other()
                assert b"Nothing waits for you" in text(drawn) and NOTE.encode() not in text(drawn)
                other(**dict.fromkeys(opens.values()))
        assert rows(served, "round") == []
        owner(**{opens["Open a second round now"]: None})
        assert states(served) == {DisputeState.SECOND_ROUND}
        with page_of(served, ANN) as ann:
            drawn = ann()
            assert NOTE.encode() in text(drawn) and OTHER.encode() not in text(drawn)
            looks = widgets(drawn, "button")
            for name in (READER, CLEO, OWNER):
                with page_of(served, name) as other:
                    assert NOTE.encode() not in text(other())
                    time.sleep(DWELL_S)
                    other(**dict.fromkeys(looks.values()))
            assert rows(served, "second") == []
            ann(**{next(each for title, each in looks.items() if title.startswith("Change to")): None})
            assert [row.reader for row in rows(served, "second")] == [ANN]
        owner(**{opens["Send to adjudication now"]: None})
    with page_of(served, CLEO) as cleo:
        drawn = cleo()
        assert NOTE.encode() not in text(drawn)
        said = cleo(**{widgets(drawn, "checkbox")["Show what the readers said"]: True})
        assert NOTE.encode() in text(said)
        assert not any(name.encode() in text([*drawn, *said]) for name in (OTHER, ANN))
        decides = widgets(drawn, "button")
        for name in (ANN, READER):
            with page_of(served, name) as other:
                assert b"Nothing waits for you" in text(other())
                time.sleep(DWELL_S)
                other(**dict.fromkeys(decides.values()))
        assert rows(served, "adjudication") == []
        time.sleep(DWELL_S)
        cleo(**{decides["normal"]: None})
        assert [(row.reader, row.protocol) for row in rows(served, "adjudication")] == [(CLEO, "open")]
