"""Whose verdicts these are: a name that is taken asks for its code."""

from types import SimpleNamespace

from streamlit.testing.v1 import AppTest

from overread.errors import LedgerBusyError
from overread.pipeline.study_ledger import open_ledger
from overread.records import VerdictKind
from overread.review import reader_codes
from overread_app.components import reader_name
from tests.app.conftest import has_component, open_page, page_text, press, refuse
from tests.app.verdicts import verdicts
from tests.paths import ENTRY

READER = "Ada Lovelace"


def new_browser():
    return AppTest.from_file(str(ENTRY), default_timeout=30)


def remembering(monkeypatch, slot, value):
    """A new browser, whose tab remembers a reader or the owner's token."""

    def memory(*, data, **_):
        return SimpleNamespace(recalled=value if data["slot"] == slot else None)

    monkeypatch.setattr(reader_name, "_memory", memory)
    return new_browser()


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
    assert not has_component(other)
    other.text_input(key="review_reader_code").set_value("ABCDEF")
    press(other, "Start reviewing")
    assert "That is not the code for this name" in page_text(other)
    other.text_input(key="review_reader_code").set_value(f" {code.lower().replace(' ', '-')} ")
    press(other, "Start reviewing")
    assert has_component(other)


def test_the_reader_whom_the_tab_remembers_gives_neither_name_nor_code_again(app, made_study, monkeypatch):
    code = shown_code(give_name(open_page(app, "review"))).replace(" ", "")
    other = remembering(monkeypatch, "overread.reader", {"name": READER, "code": code})
    assert has_component(open_page(other, "review"))


def test_a_code_that_the_tab_remembers_and_is_another_person_s_is_tried_once(app, made_study, monkeypatch):
    give_name(open_page(app, "review"))
    tried = []
    monkeypatch.setattr(reader_codes, "is_right_code", lambda _, name, code: tried.append((name, code)))
    monkeypatch.setattr(reader_name, "WRONG_CODE_S", 0)
    other = remembering(monkeypatch, "overread.reader", {"name": READER, "code": "ABCDEF"})
    open_page(other, "review")
    assert "That is not the code for this name" in page_text(other)
    other.run()
    assert not has_component(other)
    assert tried == [(READER, "ABCDEF")]


def test_a_name_with_verdicts_from_before_there_were_codes_is_given_one(app, made_study):
    ledger = open_ledger(made_study)
    assert not reader_codes.has_code(ledger, READER)
    give_name(open_page(app, "review"))
    assert reader_codes.is_right_code(open_ledger(made_study), READER, shown_code(app))


def test_the_code_is_nowhere_in_the_ledger(app, made_study):
    code = shown_code(give_name(open_page(app, "review"))).replace(" ", "")
    assert code not in str(open_ledger(made_study).history())


def test_a_reader_who_is_not_the_owner_exports_their_own_rows_alone(app, made_study, monkeypatch):
    asked = {}
    monkeypatch.setattr("streamlit.download_button", lambda label, *, data, **options: asked.update({label: data}))
    for name, kind in ((READER, VerdictKind.REJECT), ("Bob", VerdictKind.ACCEPT)):
        for verdict in verdicts(made_study, reader=name, number=1, kind=kind):
            open_ledger(made_study).record(verdict)
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


def test_the_owner_is_whose_tab_remembers_the_token(app, made_study, monkeypatch):
    monkeypatch.setenv("OVERREAD_OWNER", "a secret")
    for told, is_owner in (("a guess", False), ("a secret", True)):
        page = open_page(remembering(monkeypatch, "overread.owner", told), "export", is_owner=False)
        assert ("Only the study's owner" not in page_text(page)) == is_owner


def test_a_remembered_reader_is_kept_while_the_ledger_cannot_be_reached(app, made_study, monkeypatch):
    code = shown_code(give_name(open_page(app, "review")))
    reloaded = new_browser()
    # As the tab tells after a reload.
    reloaded.session_state["session_recalled_reader"] = READER
    reloaded.session_state["session_reader_code"] = code
    with monkeypatch.context() as patch:
        patch.setattr(reader_codes, "has_code", refuse(LedgerBusyError("somebody else is writing")))
        open_page(reloaded, "review")
        assert READER in page_text(reloaded) and "busy or cannot be reached. Trying again" in page_text(reloaded)
        assert not reloaded.text_input and not reloaded.exception
    reloaded.run()
    assert has_component(reloaded)
