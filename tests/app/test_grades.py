"""Grades on the pages: the owner's switch on Studies, and the reader's own grades on Insights."""

from dataclasses import replace

from overread.pipeline.study_ledger import open_ledger
from overread.studies.study import open_study
from tests.app.conftest import open_page, page_text
from tests.app.verdicts import verdicts

READER = "Dr. Mira Sand"


def switch(app):
    return [field for field in app.toggle if (field.key or "").startswith("studies_grades")]


def test_the_owner_says_whether_errors_are_graded_and_other_readers_are_told(app, made_study):
    app.session_state["session_is_owner"] = True
    app.run()
    for is_asked in (True, False, True):
        switch(app)[0].set_value(is_asked).run()
        assert not app.exception
        assert open_study(made_study.path).asks_grades is is_asked
    open_page(app, "studies", is_owner=False)
    assert "Readers grade errors: yes, if they like" in page_text(app)
    assert switch(app) == []


def test_insights_count_the_reader_s_own_grades_by_class_pair(app, made_study):
    ledger = open_ledger(made_study)
    accepted = [each for each in verdicts(made_study, reader=READER, number=6) if each.kind == "accept"]
    pairs = [(each.given_label, each.chosen_label) for each in accepted]
    for verdict in accepted:
        ledger.record(replace(verdict, grade="few_major" if verdict is accepted[0] else ""))
    ledger.record(replace(verdicts(made_study, reader="Ben", number=1)[0], grade="many_minor"))
    open_page(app, "insights", reader=READER)
    assert "Your grades of the errors" in page_text(app)
    table = next(each.value for each in app.dataframe if "Few, major" in each.value)
    assert table.values.tolist() == [[*pairs[0], 0, 0, 0, 1, pairs.count(pairs[0]) - 1]]


def test_insights_without_grades_say_nothing_of_them(app, made_study):
    for verdict in verdicts(made_study, reader=READER, number=3):
        open_ledger(made_study).record(verdict)
    open_page(app, "insights", reader=READER)
    assert "Your grades" not in page_text(app)
