"""The slider on the Review page: how sure a proposal must be, and what that comes to; driven from the entry file."""

import json

import numpy as np
import pandas as pd
import pytest

from overread.detection.calibration import recalibrated
from overread.pipeline.exporting import export_table
from overread.pipeline.study_ledger import open_ledger
from overread.proposal_settings import CalibrationSettings
from overread.records import VerdictKind
from overread.review.queue_choice import QueueChoice
from overread.studies.run import ERROR_RANGE, open_run
from overread_app.components.threshold_slider import Yield, slider_steps, trade_off_text
from overread_app.processes import STUDIES_VARIABLE
from overread_app.words.catalogue import ENGLISH
from tests.app.conftest import open_page, page_text
from tests.app.made_study import write_study
from tests.app.reading.desk import Desk
from tests.app.verdicts import verdicts

READER = "Dr. Mira Sand"


@pytest.fixture
def scores(made_study):
    return open_run(made_study).scores().sort_values("label_error_probability", ascending=False)


def open_slider(app, reader=READER):
    """The Review page with the popover of the threshold open."""
    app.session_state["review_more"] = True
    return open_page(app, "review", reader=reader)


def choose(app, title):
    app.select_slider[0].set_value(title)
    return app.run()


def test_a_lower_place_shows_every_sample_that_reaches_it_and_never_a_decided_one(made_study, scores):
    for verdict in verdicts(made_study, reader=READER, number=8):
        open_ledger(made_study).record(verdict)
    reached = scores.loc[scores["label_error_probability"] >= 0.2, "sample_id"].tolist()
    desk, seen = Desk(made_study, READER, QueueChoice(min_probability=0.2)), []
    while packets := desk.queue(count=1)["samples"]:
        seen.append(packets[0]["id"])
        assert desk.decide(packets[0], "reject").json()["progress"] == {"decided": 8 + len(seen), "total": len(reached)}
    assert sorted(seen) == sorted(reached[8:])


def test_a_choice_outlives_the_page_and_is_the_reader_s_own(app, made_study, scores):
    choose(open_slider(app), "15 % or more")
    open_page(app, "insights")
    open_slider(app)
    assert app.select_slider[0].value == "15 % or more"
    open_slider(app, "Dr. Else")
    assert app.select_slider[0].value == "as proposed"


def test_a_verdict_on_what_is_not_proposed_is_exported_like_any_and_makes_no_proposal(made_study, scores):
    own = open_run(made_study).proposals()
    desk = Desk(made_study, READER, QueueChoice(min_probability=0.05))
    packet = desk.queue(count=9)["samples"][8]
    assert packet["id"] not in set(own["sample_id"])
    desk.decide(packet, "accept")
    pd.testing.assert_frame_equal(open_run(made_study).proposals(), own)
    table, _ = export_table(made_study)
    row = table.iloc[made_study.samples()["sample_id"].tolist().index(packet["id"])]
    (shown,) = scores.loc[scores["sample_id"] == packet["id"]].itertuples()
    assert (row["verdict"], row["is_changed"], row["reader"]) == ("accept", "true", READER)
    assert row["final_label"] in set(made_study.classes) - {shown.given_label}


def test_the_words_are_the_sums_of_the_probabilities(app, scores):
    choose(open_slider(app), "10 % or more")
    probability = scores["label_error_probability"].to_numpy()
    read = probability[probability >= 0.1]
    text = page_text(app)
    assert f"**{len(read)} images** to review. Of the {len(read)}, about {100 * read.mean():.0f} % are" in text
    assert "without a range" in text
    assert f"finds about {100 * read.sum() / probability.sum():.0f} % of" in text


@pytest.mark.parametrize(("num_own", "is_corrected"), [(19, False), (20, True)])
def test_the_words_are_corrected_by_twenty_verdicts_of_the_reader_s_own(
    app, tmp_path, monkeypatch, num_own, is_corrected
):
    study = write_study(tmp_path, num_samples=240)
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps([str(study.path)]))
    ledger = open_ledger(study)
    made = verdicts(study, reader=READER, number=num_own, kind=VerdictKind.REJECT)
    for verdict in [*made, *verdicts(study, reader="Dr. Else", number=40, kind=VerdictKind.REJECT)]:
        ledger.record(verdict)
    open_slider(app)
    scores = open_run(study).scores()
    probability = scores["label_error_probability"].to_numpy()
    if is_corrected:
        places = np.flatnonzero(scores["sample_id"].isin([verdict.sample_id for verdict in made]))
        probability = recalibrated(probability, places, np.zeros(len(places), dtype=bool), CalibrationSettings())
    is_read = scores["sample_id"].isin([verdict.sample_id for verdict in made])
    expected = 100 * probability[scores["is_proposed"] & ~is_read].mean()
    assert f"{num_own} of them reviewed. Of the {40 - num_own} left, about {expected:.0f} % are" in page_text(app)
    assert ("corrected by your 20 verdicts" in page_text(app)) is is_corrected


def test_every_place_of_the_slider_means_other_images_and_more_than_the_place_before():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"given_label": "a", "label_error_probability": rng.beta(0.1, 0.2, 80)})
    table["is_proposed"] = table["label_error_probability"] > 0.52
    found = slider_steps(table)
    counts = [int(stop.is_chosen.sum()) for stop in found]
    assert (np.diff(counts) > 0).all()
    assert [stop.title(ENGLISH) for stop in found].count("as proposed") == 1
    for stop in found:
        if stop.min_probability is not None:
            np.testing.assert_array_equal(stop.is_chosen, table["label_error_probability"] >= stop.min_probability)


def test_a_run_that_proposes_nothing_still_offers_its_less_sure_samples():
    table = pd.DataFrame({"given_label": "a", "label_error_probability": [0.1, 0.32, 0.04], "is_proposed": False})
    assert [(stop.title(ENGLISH), int(stop.is_chosen.sum())) for stop in slider_steps(table)] == [
        ("as proposed", 0),
        ("30 % or more", 1),
        ("10 % or more", 2),
    ]


@pytest.mark.parametrize(
    ("chosen", "left", "elapsed_ms", "words"),
    [
        (Yield(0, (0, 0), (0, 0)), Yield(0, (0, 0), (0, 0)), [9000] * 9, "No images to review."),
        (Yield(82, (78, 91), (60, 70)), Yield(82, (78, 91), (60, 70)), [9000] * 4,
         "**82 images** to review. Of the 82, 78 % to 91 % are expected to be wrong labels. This finds 60 % to 70 % of "
         "the labels expected to be wrong."),
        (Yield(2, (60, 60), (1, 1)), Yield(1, (50, 50), (1, 1)), [],
         "**2 images**, 1 of them reviewed. The chance that the last one is wrong: about 50 %. All 2 contain about "
         "1 % of the labels expected to be wrong."),
        (Yield(82, (78, 91), (60, 70)), Yield(70, (75, 90), (50, 60)), [9000, 1000, 10_000, 12_000, 3_600_000],
         "**82 images**, 12 of them reviewed. Of the 70 left, 75 % to 90 % are expected to be wrong labels. All 82 "
         "contain 60 % to 70 % of the labels expected to be wrong. At your pace, about 12 min left."),
        (Yield(1200, (50, 50), (90, 90)), Yield(0, (0, 0), (0, 0)), [9000] * 5,
         "**1,200 images**, all reviewed. They contain about 90 % of the labels expected to be wrong."),
    ],
)  # fmt: skip
def test_the_trade_is_said_in_words(chosen, left, elapsed_ms, words):
    assert trade_off_text(chosen, left, elapsed_ms=elapsed_ms, words=ENGLISH) == words


def test_a_run_with_a_range_promises_a_range_and_says_whose_estimate_it_is(app, made_study, scores):
    run = open_run(made_study)
    ordered = run.scores()
    probability, is_proposed = ordered["label_error_probability"].to_numpy(), ordered["is_proposed"].to_numpy()
    fewest, most = probability**2, probability**0.5
    np.savez(run.path / ERROR_RANGE, low=fewest, high=most, overlap=0.0)
    open_slider(app)
    num, chance = is_proposed.sum(), [2 * (p * (1 - p))[is_proposed].sum() ** 0.5 for p in (fewest, most)]
    low, high = fewest[is_proposed].sum() - chance[0], min(most[is_proposed].sum() + chance[1], num)
    text = page_text(app)
    assert f"{np.floor(100 * low / num):.0f} % to {np.ceil(100 * high / num):.0f} % are expected to be wrong" in text
    assert "the model’s own estimates, not readers’ verdicts" in text


def test_another_threshold_leaves_the_queue_s_other_choices_as_they_are(app, made_study, scores):
    open_slider(app)

    def field(label):
        return next(field for field in app.selectbox if field.label == label)

    field("Given label").set_value("adenoma").run()
    choose(app, "10 % or more")
    chosen = scores[(scores["label_error_probability"] >= 0.1) & (scores["given_label"] == "adenoma")]
    assert field("Given label").value == "adenoma"
    assert field("Most likely label").value is None
    assert f"To decide ({len(chosen)})" in field("Show").options
