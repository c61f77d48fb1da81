"""Two runs side by side on the Train page."""

import json

import pytest

from overread.pipeline.study_ledger import open_ledger
from overread.records import VerdictKind
from overread.studies.run import Run
from tests.app.conftest import open_page, page_text
from tests.app.made_study import RUN
from tests.app.verdicts import verdicts

OTHER = "20260104T000000-paper-3"
NUM_DROPPED = 3


@pytest.fixture
def runs(made_study):
    """The made run, and another one that lacks its first three proposals and took twice the time."""
    source, target = made_study.runs_path / RUN, made_study.runs_path / OTHER
    target.mkdir()
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    scores = Run(source).scores()
    dropped = scores.index[scores["is_proposed"]][:NUM_DROPPED]
    scores.loc[dropped, "is_proposed"] = False
    scores.loc[dropped, "proposed_label"] = scores.loc[dropped, "given_label"]
    scores.loc[dropped, "label_error_probability"] = 0.0
    scores["is_proposed"] = scores["is_proposed"].map({True: "true", False: "false"})
    scores.to_csv(target / "scores.csv", index=False)
    (target / "config.json").write_text(json.dumps(Run(source).config() | {"seed": 3}))
    events = [event | {"elapsed_s": 2 * event["elapsed_s"]} for event in Run(source).events()]
    (target / "progress.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return Run(source), Run(target)


def open_comparison(app, *, reader=""):
    app.session_state["train_compare"] = True
    return open_page(app, "train", reader=reader)


def figures(app):
    """The first table: each row's cells by its name."""
    return {name: list(cells) for name, *cells in app.table[0].value.itertuples()}


def test_nothing_is_compared_before_it_is_asked_for(app, runs):
    open_page(app, "train")
    assert [expander.label for expander in app.expander if "ompare" in expander.label] == ["Compare two runs"]
    assert len(app.table) == 0


def test_figures_pairs_and_settings_of_the_older_and_the_newer_run(app, runs):
    open_comparison(app)
    first, second = (run.scores() for run in runs)
    shown = figures(app)
    assert shown["Proposals"] == ["8", "5"]
    assert shown["Training time"] == ["45 s", "2 min"]
    expected = [f"about {scores['label_error_probability'].sum():.0f}" for scores in (first, second)]
    assert shown["Wrong labels expected in the study"] == expected
    precision = [scores.loc[scores["is_proposed"], "label_error_probability"].mean() for scores in (first, second)]
    assert shown["Expected share of wrong labels among the proposals"] == [
        f"about {100 * each:.0f} %" for each in precision
    ]
    assert not any("verdicts" in name for name in shown)
    assert "Both propose **5 images**, **5** of them with the same class." in page_text(app)
    pairs = app.table[1].value
    assert pairs["First"].sum() - pairs["Both"].sum() == NUM_DROPPED
    assert app.table[2].value.iloc[:, :3].to_numpy().tolist() == [["seed", "0", "3"]]


def test_the_readers_own_verdicts_test_each_run_and_nobody_elses_do(app, made_study, runs):
    ledger = open_ledger(made_study)
    for verdict in verdicts(made_study, reader="Dr. Doe", number=5):  # of the newer run, without the dropped ones
        ledger.record(verdict)
    open_comparison(app, reader="Dr. Doe")
    shown = figures(app)
    assert shown["Your verdicts that it got right"] == ["5 of 5", "5 of 5"]
    assert shown["Labels that you changed, proposed"] == ["5 of 5", "5 of 5"]
    assert "on the proposals of the second run" in page_text(app)
    study_verdicts = verdicts(made_study, reader="Dr. Roe", number=5, kind=VerdictKind.REJECT)
    for verdict in study_verdicts:
        ledger.record(verdict)
    open_comparison(app, reader="Dr. Roe")
    assert figures(app)["Labels that you kept, proposed"] == ["5 of 5", "5 of 5"]
    assert figures(app)["Your verdicts that it got right"] == ["0 of 5", "0 of 5"]


def test_the_run_to_review_is_chosen_here(app, runs):
    open_comparison(app)
    app.button("train_review_first").click().run()
    assert app.session_state["session_run"] == RUN


def test_a_run_beside_itself_is_not_compared(app, runs):
    open_comparison(app)
    app.selectbox("train_compare_1").set_value(app.selectbox("train_compare_0").value).run()
    assert "Choose two different runs." in page_text(app)
