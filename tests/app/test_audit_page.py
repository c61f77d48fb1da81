"""The Audit page and the decision on a group, driven from the entry file."""

import json

import pytest

from overread.pipeline.audit_store import NextSample, load_audit
from overread.pipeline.group_decision import load_groups
from overread.pipeline.study_ledger import open_ledger
from overread.studies.run import open_run
from overread.studies.study import open_study, set_protocol
from tests.app.conftest import open_page, page_text, press
from tests.app.verdicts import verdicts
from tests.core.pipeline.test_audit_study import read


def test_the_owner_draws_chooses_ends_and_draws_again(app, made_study):
    open_page(app, "audit")
    assert "This takes about" in page_text(app)
    app.number_input(key="audit_max_wrong").set_value(20.0).run()
    app.checkbox(key="audit_blind").set_value(False).run()
    press(app, "Draw the sample")
    audit = load_audit(made_study)
    assert audit.question.max_wrong == 0.2 and audit.next_sample is NextSample.PROVE
    assert f"{audit.num_drawn} images of the sample wait" in page_text(app)
    app.radio[0].set_value("find errors").run()
    assert load_audit(made_study).next_sample is NextSample.FIND
    assert not app.exception
    press(app, "End this audit")
    assert load_audit(made_study) is None
    assert "This takes about" in page_text(app)


def test_a_question_about_proposals_is_asked_on_the_page(app, made_study):
    open_page(app, "audit")
    app.get("button_group")[0].set_value("How many proposals are right").run()
    app.number_input(key="audit_min_precision").set_value(50.0).run()
    press(app, "Draw the sample")
    assert load_audit(made_study).question.min_precision == 0.5
    for verdict in verdicts(made_study, reader="Ada", number=3):
        open_ledger(made_study).record(verdict)
    open_page(app, "audit")
    assert "of all 8 proposals" in page_text(app) and not app.exception


def test_a_reader_sees_what_is_proved_and_steers_nothing(app, made_study):
    open_page(app, "audit", is_owner=False, reader="Ada")
    assert "owner opens one on this page" in page_text(app) and not app.button(key="frame_change_reader").disabled
    assert all(not (button.key or "").startswith("audit_") for button in app.button)


def test_in_a_blind_study_no_order_by_probable_errors_is_offered(app, made_study):
    set_protocol(made_study.path, "blind")
    open_page(app, "audit")
    press(app, "Draw the sample")
    assert "would give the labels away" in page_text(app) and not app.radio


def test_the_model_is_hidden_from_readers_until_the_audit_ends(app, made_study):
    open_page(app, "audit")
    press(app, "Draw the sample")
    assert open_study(made_study.path).protocol == "blind"
    assert "alone first until the audit ends" in page_text(app) and not app.radio
    assert app.checkbox(key="audit_blind").value  # also for the sample that would take its place
    press(app, "End this audit")
    assert open_study(made_study.path).protocol == "open" and not app.exception


@pytest.fixture
def grouped(made_study):
    """The study, and a group of 16 of its labels that the run has found."""
    samples = made_study.samples()
    ids = samples.loc[samples["given_label"] == "normal", "sample_id"].tolist()
    group = {"column": "site", "value": "Bern", "num_samples": 20, "given_label": "normal"}
    group |= {"predicted_label": "adenoma", "share": 0.6, "share_elsewhere": 0.1, "is_swapped": False}
    text = json.dumps({"groups": [group | {"sample_ids": ids}]})
    (open_run(made_study).path / "contradicted_groups.json").write_text(text)
    return made_study


def test_a_group_is_drawn_confirmed_changed_and_undone(app, grouped):
    open_page(app, "insights", reader="Ada")
    press(app, "Draw 16 to confirm")
    [decision] = load_groups(grouped).values()
    assert "16 of the sample wait first" in page_text(app)
    read(grouped, decision.drawn, reader="Ben", wrong=set(decision.drawn))
    open_page(app, "insights", reader="Ada")
    press(app, "Change all 16 …")
    assert "16 of 16 read were confirmed" in page_text(app)
    ledger = open_ledger(grouped)
    app.button(key="insights_group_confirm").click().run()
    assert {each.verdict.chosen_label for each in ledger.decisions("Ada")} == {"adenoma"}
    assert "16 labels changed" in page_text(app)
    press(app, "Undo")
    assert ledger.decisions("Ada") == [] and not app.exception


def test_only_the_owner_decides_on_a_group(app, grouped):
    open_page(app, "insights", reader="Ada", is_owner=False)
    assert "Bern" in page_text(app) and "to confirm" not in page_text(app)


def test_only_the_owner_sees_who_hardly_uses_a_class(app, made_study):
    given = made_study.samples().set_index("sample_id")["given_label"]
    adenomas = given.index[given == "adenoma"].tolist()
    read(made_study, given.index.tolist(), reader="Ben", wrong=set(adenomas))
    open_page(app, "insights")
    assert "Ben never uses adenoma" in page_text(app).replace("\\", "")
    open_page(app, "insights", is_owner=False, reader="Ada")
    assert "Ben" not in page_text(app)
