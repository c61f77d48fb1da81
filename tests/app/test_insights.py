"""The Insights page, driven from the entry file, and the charts it is made of."""

import base64
import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.decomposition import PCA

from overread.detection.proposal_set import expectation, trade_off
from overread.metrics import reliability_curve
from overread.pipeline.assigning import assigned_samples
from overread.pipeline.study_ledger import open_ledger
from overread.records import VerdictKind
from overread.review.assignment import Assignment, assign
from overread.review.claims import claim_batch
from overread.studies.run import open_run
from overread_app import study_data
from overread_app.components import calibration_charts, charts
from overread_app.processes import STUDIES_VARIABLE
from overread_app.theme import LIGHT
from tests.app.conftest import open_page, page_text, press
from tests.app.made_study import write_study
from tests.app.verdicts import verdicts

READER = "Dr. Mira Sand"


def figures(app) -> dict[str, dict]:
    """The page's charts by the words that describe them."""
    return {element.proto.alt: json.loads(element.proto.spec) for element in app.get("plotly_chart")}


def test_the_matrix_counts_each_image_once(app, made_study):
    open_page(app, "insights")
    texts = [note["text"] for note in figures(app)["Matrix of given and proposed labels"]["layout"]["annotations"]]
    # Every sixth sample of 48 is proposed; with three classes in turn these are the first class's, to the second.
    assert [int(text) for text in texts] == [8, 8, 0, 0, 16, 0, 0, 0, 16]


def test_the_consensus_is_counted_by_pairs_with_the_given_label(app, made_study):
    path = open_run(made_study).path / "scores.csv"
    table, names = pd.read_csv(path, dtype=str), made_study.classes
    # Of 48 images with three classes in turn: 6 have none, 4 of the first class are held for the second.
    consensus = table["given_label"].where(table.index >= 6, "")
    consensus[[6, 9, 12, 15]] = names[1]
    voters = consensus.map(lambda label: "4 classifiers" if label else "")
    table.assign(consensus=consensus, consensus_of=voters).to_csv(path, index=False)
    open_page(app, "insights")
    texts = [note["text"] for note in figures(app)["Matrix of given labels and consensus"]["layout"]["annotations"]]
    assert [int(text) for text in texts] == [10, 4, 0, 0, 14, 0, 0, 0, 14]
    assert (
        "Consensus of 4 classifiers, which never saw the image's own label: 42 of 48 images. On 4 it differs from the "
        "given label." in page_text(app)
    )


def test_the_agreement_on_the_test_split_leaves_out_all_other_images(app, made_study):
    open_page(app, "insights")
    is_test = (made_study.samples()["split"] == "test").to_numpy()
    agrees = ~(np.arange(48) % 6 == 0)
    shown = {metric.label: metric.value for metric in app.metric}["Agreement on the test split"]
    assert shown == f"{100 * agrees[is_test].mean():.1f} %"


def test_progress_is_the_reader_s_own(app, made_study):
    ledger = open_ledger(made_study)
    for verdict in verdicts(made_study, reader="Ada", number=2) + verdicts(made_study, reader="Ben", number=4):
        ledger.record(verdict)
    open_page(app, "insights", reader="Ada")
    assert "2 of 8 proposals reviewed" in page_text(app)
    assert figures(app)["Bar chart of your verdicts"]["data"][0]["y"] == ["proposal accepted"]


@pytest.fixture
def large_study(tmp_path, monkeypatch):
    """A study with 40 proposals."""
    study = write_study(tmp_path, num_samples=240)
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps([str(study.path)]))
    return study


def record(study, *, reader, num_accepted, num_rejected):
    """The reader's verdicts on the first proposals; returns their probabilities and whether they found an error."""
    ledger = open_ledger(study)
    made = verdicts(study, reader=reader, number=num_accepted)
    made += verdicts(study, reader=reader, number=num_accepted + num_rejected, kind=VerdictKind.REJECT)[num_accepted:]
    for verdict in made:
        ledger.record(verdict)
    kinds = [verdict.kind is VerdictKind.ACCEPT for verdict in made]
    return np.array([verdict.score for verdict in made]), np.array(kinds)


def test_the_diagram_holds_the_reader_s_own_verdicts_against_the_run_s_probabilities(app, large_study):
    probability, is_error = record(large_study, reader=READER, num_accepted=20, num_rejected=15)
    record(large_study, reader="Dr. Else", num_accepted=0, num_rejected=40)
    open_page(app, "insights", reader=READER)
    (drawn,) = [figure for alt, figure in figures(app).items() if alt.startswith("Diagram of predicted")]
    before, after = drawn["data"][1:]
    curve = reliability_curve(is_error, probability, 3)
    expected = {"x": curve.mean_probability, "y": curve.error_rate, "customdata": curve.num_samples}
    for axis, values in expected.items():
        np.testing.assert_allclose(read_array(before[axis]), values)
    assert "Each point is 11 to 12 verdicts" in page_text(app)
    assert read_array(after["x"]).mean() < read_array(before["x"]).mean()  # fewer were wrong than promised
    gap = np.average(np.abs(curve.mean_probability - curve.error_rate), weights=curve.num_samples)
    assert f"over your 35 verdicts: **{gap:.2f}** uncorrected" in page_text(app)


def read_array(values):
    """An array of a figure's JSON, which packs long ones."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
    return np.array(values)


@pytest.mark.parametrize(("num_accepted", "words"), [(0, "given none"), (1, "given 1 so"), (19, "given 19 so")])
def test_too_few_verdicts_are_said_to_be_too_few(app, large_study, num_accepted, words):
    record(large_study, reader=READER, num_accepted=num_accepted, num_rejected=0)
    record(large_study, reader="Dr. Else", num_accepted=40, num_rejected=0)
    open_page(app, "insights", reader=READER)
    assert words in page_text(app)
    assert "This needs 20 verdicts" in page_text(app)
    assert not any(alt.startswith("Diagram of predicted") for alt in figures(app))


def test_the_run_s_own_choice_stands_on_the_curve_where_its_proposals_are_the_most_probable():
    probability = np.random.default_rng(0).uniform(0, 1, 50)
    own = expectation(probability, probability > 0.7)
    line, point = calibration_charts.trade_off_curve(trade_off(probability), own).data
    place = line.x.tolist().index(point.x[0])
    np.testing.assert_allclose((line.y[place], line.customdata[place]), (point.y[0], point.customdata[0]))


def test_the_bounds_of_a_share_are_wilson_s():
    curve = reliability_curve(np.arange(10) < 4, np.full(10, 0.5), 1)
    drawn = calibration_charts.reliability_diagram({"before": curve}).data[1].error_y
    ends = binomtest(4, 10).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose((0.4 - drawn.arrayminus[0], 0.4 + drawn.array[0]), ends, atol=1e-4)


def test_the_map_is_the_first_two_principal_components(made_study):
    run = open_run(made_study)
    points = study_data.load_map(run)
    expected = PCA(2, svd_solver="full").fit_transform(run.embeddings().astype(np.float64))
    signs = np.sign((points * expected).sum(axis=0))
    np.testing.assert_allclose(points * signs, expected, atol=1e-4)


def test_the_histogram_holds_every_score_once():
    probabilities = np.array([0.0, 0.02, 0.5, 0.98, 1.0])
    figure = charts.score_histogram(probabilities, probabilities > 0.9)
    assert [sum(bar.y) for bar in figure.data] == [3, 2]


def test_a_class_keeps_its_colour_when_others_have_no_samples():
    classes = ("a", "b", "c")
    colours = charts.theme_colours(classes, LIGHT)
    figure = charts.embedding_map(np.zeros((2, 2)), ["c", "c"], np.array([True, False]), classes)
    assert {trace.name: trace.marker.color for trace in figure.data[:3]} == colours
    assert [len(trace.x) for trace in figure.data] == [0, 0, 2, 1]


def test_loss_curves_draw_a_line_per_phase_and_bear_a_run_without_epochs():
    assert len(charts.loss_curves([{"event": "start"}]).data) == 0
    epochs = [{"event": "epoch", "phase": phase, "num_done": done, "loss": 1.0} for phase, done in [("a", 1), ("b", 2)]]
    assert [trace.name for trace in charts.loss_curves(epochs).data] == ["a", "b"]


def test_the_epochs_of_a_loss_curve_are_whole_numbers_from_0():
    axis = charts.loss_curves([{"event": "epoch", "phase": "a", "num_done": 1, "loss": 2.0}]).layout.xaxis
    assert (axis.dtick, axis.range) == (1, (0, 1.5))


def test_the_owner_sees_how_far_readers_are_where_images_are_shared(app, made_study):
    open_page(app, "insights")
    assert "Readers" not in [each.value for each in app.header]
    assign(open_ledger(made_study), Assignment(batch=5))
    claim_batch(open_ledger(made_study), Assignment(batch=5), "Ann *Lee*", assigned_samples(made_study))
    for verdict in verdicts(made_study, reader="Bob", number=2):
        open_ledger(made_study).record(verdict)
    open_page(app, "insights")
    assert "Readers" in [each.value for each in app.header]
    numbers = {each.label: each.value for each in app.metric}
    assert (numbers["Images to read"], numbers["Read once or more"], numbers["Held by readers now"]) == ("8", "2", "5")
    assert "| Bob | 2 | 0 |" in page_text(app)


def test_the_readers_of_a_study_without_a_run_are_shown_to_its_owner_alone(app, tmp_path, monkeypatch):
    study = write_study(tmp_path, has_run=False)
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps([str(study.path)]))
    assign(open_ledger(study), Assignment())
    claim_batch(open_ledger(study), Assignment(), "Ann", assigned_samples(study))
    assert "| Ann | 0 | 20 |" in page_text(open_page(app, "insights"))
    assert "Ann" not in page_text(open_page(app, "insights", is_owner=False))
    page = press(open_page(app, "insights"), "Give back")
    assert "Nobody has begun yet." in page_text(page)
    assert claim_batch(open_ledger(study), Assignment(), "Bob", assigned_samples(study)) == assigned_samples(study)[:20]
