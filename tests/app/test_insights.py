"""The Insights page, driven from the entry file, and the charts it is made of."""

import json

import numpy as np
from sklearn.decomposition import PCA

from app import session
from app.components import charts
from core.datasets.runs import open_run
from core.review.ledger import Ledger
from tests.app.conftest import open_page, page_text
from tests.app.verdicts import verdicts


def figures(app) -> dict[str, dict]:
    """The page's charts by the words that describe them."""
    return {element.proto.alt: json.loads(element.proto.spec) for element in app.get("plotly_chart")}


def test_the_matrix_counts_each_image_once(app, made_study):
    open_page(app, "insights")
    texts = [note["text"] for note in figures(app)["Matrix of given and proposed labels"]["layout"]["annotations"]]
    # Every sixth sample of 48 is proposed; with three classes in turn these are the first class's, to the second.
    assert [int(text) for text in texts] == [8, 8, 0, 0, 16, 0, 0, 0, 16]


def test_the_agreement_on_the_test_split_leaves_out_all_other_images(app, made_study):
    open_page(app, "insights")
    is_test = (made_study.samples()["split"] == "test").to_numpy()
    agrees = ~(np.arange(48) % 6 == 0)
    shown = {metric.label: metric.value for metric in app.metric}["Agreement on the test split"]
    assert shown == f"{100 * agrees[is_test].mean():.1f} %"


def test_progress_is_the_reader_s_own(app, made_study):
    ledger = Ledger.open(made_study.ledger_url, made_study.ledger_study)
    for verdict in verdicts(made_study, reader="Ada", number=2) + verdicts(made_study, reader="Ben", number=4):
        ledger.record(verdict)
    open_page(app, "insights", reader="Ada")
    assert "2 of 8 proposals read" in page_text(app)
    assert figures(app)["Bar chart of your verdicts"]["data"][0]["y"] == ["proposal accepted"]


def test_the_map_is_the_first_two_principal_components(made_study):
    run = open_run(made_study)
    points = session.load_map(made_study, run)
    expected = PCA(2, svd_solver="full").fit_transform(run.embeddings().astype(np.float64))
    signs = np.sign((points * expected).sum(axis=0))
    np.testing.assert_allclose(points * signs, expected, atol=1e-4)


def test_the_histogram_holds_every_score_once():
    probabilities = np.array([0.0, 0.02, 0.5, 0.98, 1.0])
    figure = charts.score_histogram(probabilities, probabilities > 0.9)
    assert [sum(bar.y) for bar in figure.data] == [3, 2]


def test_a_class_keeps_its_colour_when_others_have_no_samples():
    classes = ("a", "b", "c")
    colours = charts.class_colours(classes)
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
