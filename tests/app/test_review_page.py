"""The Review page, driven from the entry file."""

import base64
import io
import json
import shutil
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from overread.config import QUICK
from overread.images.cache.cache_build import build_cache
from overread.models.network import Network
from overread.pipeline.study_ledger import open_ledger
from overread.proposals.heat_maps import read_saliency
from overread.review.assignment import Assignment, assign
from overread.studies.run import open_run, training_lock
from overread_app.components import heat_map_panel
from overread_app.components.evidence_panel import BOTTOM, HEIGHT, TOP, thumbnails, trace_chart
from overread_app.components.sample_card import likelihood
from overread_app.reading.component import END
from overread_app.words.catalogue import ENGLISH
from tests.app.conftest import has_component, open_page, page_text, press
from tests.app.verdicts import verdicts

READER = "Dr. Mira Sand"


@pytest.fixture
def study(made_study):
    samples = made_study.samples()
    paths = map(made_study.image_location, samples["image"])
    build_cache(made_study.pixels_path, dict(zip(samples["sample_id"], paths, strict=True)), size_px=32)
    return made_study


def proposals(study):
    scores = open_run(study).scores()
    return scores[scores["is_proposed"]].sort_values("label_error_probability", ascending=False)


def rest_on(app, sample_id):
    """As when the component says that the reader has come to rest."""
    app.session_state["session_resting"] = sample_id
    return app.run()


def ledger(study):
    return open_ledger(study)


def test_the_page_asks_for_the_reader_s_name_and_shows_nothing_before(app, study):
    open_page(app, "review")
    assert "Who is reviewing?" in page_text(app)
    assert not has_component(app)
    app.text_input(key="review_reader_name").input("  Mira   Sand ")
    press(app, "Start reviewing")
    assert has_component(app)
    assert app.session_state["session_reader"] == "Mira Sand"


def test_an_empty_name_is_asked_for_again(app, study):
    open_page(app, "review")
    press(app, "Start reviewing")
    assert "Please enter a name" in page_text(app)


def test_what_is_slow_to_make_is_shown_for_the_sample_that_the_reader_rests_on(app, study):
    open_page(app, "review", reader=READER)
    assert "During training" not in page_text(app)
    rest_on(app, proposals(study).iloc[0].sample_id)
    assert not app.exception
    assert "During training" in page_text(app)


def test_when_all_is_read_the_page_counts_the_verdicts_and_leads_to_the_export(app, study):
    for verdict in verdicts(study, reader=READER, number=8):
        ledger(study).record(verdict)
    open_page(app, "review", reader=READER)
    rest_on(app, END)
    text = page_text(app)
    assert "You have reviewed all proposals." in text
    assert "<dt>Changed</dt><dd>8</dd>" in text


def test_a_reader_whose_share_is_empty_is_not_told_that_the_model_found_nothing(app, study):
    assign(ledger(study), Assignment())
    open_page(app, "review", reader=READER)
    rest_on(app, END)
    text = page_text(app)
    assert "No image is waiting for you now." in text and "More may come later." in text
    assert "no likely label errors" not in text and "all proposals" not in text


@pytest.mark.parametrize(
    ("probability", "words"),
    [(0.999, "98 in 100 or more"), (0.95, "about 19 in 20"), (0.9, "about 9 in 10"), (0.52, "about 5 in 10"),
     (0.05, "about 1 in 20"), (0.0, "2 in 100 or fewer")],
)  # fmt: skip
def test_a_probability_is_said_as_a_natural_frequency(probability, words):
    assert likelihood(probability, ENGLISH) == words


def test_the_chart_of_the_training_holds_the_numbers_it_is_given():
    probs = np.random.default_rng(0).dirichlet(np.ones(3), size=5).astype(np.float16)
    stages = ("warmup", "round 1 epoch 2", "round 1 epoch 3", "round 2 epoch 2", "round 2 epoch 5")
    colours = {"<a>": "#111111", "b": "#222222", "c": "#333333"}
    text = trace_chart(probs, stages, ("<a>", "b", "c"), given="<a>", proposed="c", colours=colours, words=ENGLISH)
    assert ("#111111" in text, "#222222" in text, "#333333" in text) == (True, False, True)
    chart = ElementTree.fromstring(text)
    lines = [part.get("points").split() for part in chart.findall("{*}polyline")]
    heights = np.array([[float(point.split(",")[1]) for point in line] for line in lines])
    expected = TOP + (HEIGHT - TOP - BOTTOM) * (1 - probs.T[[1, 0, 2]].astype(float))  # the two readings on top
    np.testing.assert_allclose(heights, expected, atol=0.051)
    texts = [part.text for part in chart.findall("{*}text")]
    assert texts == ["0", "0.5", "1", "warm-up", "round 1", "round 2"]


def test_a_thumbnail_shows_the_cached_pixels(study):
    samples = study.samples()
    (uri,) = thumbnails(study.pixels_path, (samples["sample_id"][5],))
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))), dtype=float)
    source = np.asarray(Image.open(study.image_location(samples["image"][5]).path), dtype=float)
    assert shown.shape == (32, 32)
    assert np.corrcoef(shown[4:28].ravel(), source.ravel())[0, 1] > 0.9


def test_a_thumbnail_follows_a_cache_that_is_built_anew(study):
    samples = study.samples()
    place = study.image_location(samples["image"][5])
    (before,) = thumbnails(study.pixels_path, (samples["sample_id"][5],))
    Image.fromarray(255 - np.asarray(Image.open(place.path))).save(place.path)
    images = map(study.image_location, samples["image"])
    build_cache(study.pixels_path, dict(zip(samples["sample_id"], images, strict=True)), size_px=32)
    (after,) = thumbnails(study.pixels_path, (samples["sample_id"][5],))
    shown = [np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))), dtype=float)[4:28].ravel()
             for uri in (before, after)]  # fmt: skip
    assert np.corrcoef(*shown)[0, 1] < -0.9


def test_the_page_waits_for_a_training_that_is_under_way(app, made_study):

    shutil.rmtree(made_study.runs_path)
    with training_lock(made_study, "20260102T030405-quick-1"):
        open_page(app, "review", reader=READER)
        assert "Training is in progress." in page_text(app)
    open_page(app, "review", reader=READER)
    assert "no finished training" in page_text(app)


def give_network(study):
    """A network of fresh weights for the made run, as a training would leave it."""
    run = open_run(study)
    values = {"mean": torch.full((1,), 0.5), "std": torch.full((1,), 0.3)}
    network = Network("narrow", **values, num_classes=len(study.classes), projection_size=8)
    save_file(network.state_dict(), run.path / "model.safetensors")
    settings = replace(
        QUICK, model=replace(QUICK.model, image_size_px=32), pretrain=replace(QUICK.pretrain, projection_size=8)
    )
    (run.path / "config.json").write_text(json.dumps({**run.config(), "settings": settings.to_dict()}))
    return run


def test_a_run_without_a_network_offers_no_heat_maps(app, study):
    open_page(app, "review", reader=READER)
    rest_on(app, proposals(study).iloc[0].sample_id)
    assert "Show saliency maps" not in page_text(app)


def test_heat_maps_are_made_when_they_are_asked_for_and_closed_at_the_next_sample(app, study):
    run = give_network(study)
    first, second = proposals(study).iloc[0], proposals(study).iloc[1]
    open_page(app, "review", reader=READER)
    rest_on(app, first.sample_id)
    assert not (run.path / "saliency").exists()
    press(app, "Show saliency maps")
    assert "You can continue meanwhile" in page_text(app)
    process, _ = app.session_state["session_saliency"]
    assert process.wait(timeout=120) == 0
    ids = proposals(study)["sample_id"].tolist()
    assert [bool(read_saliency(run, sample_id)) for sample_id in ids] == [True] * len(ids)  # eight: all of this study's
    app.run()
    text = page_text(app)
    assert not app.exception
    assert f"<figcaption>for {first.given_label}</figcaption>" in text
    assert f"<figcaption>for {first.proposed_label}</figcaption>" in text
    assert "have not been found to help readers" in text
    rest_on(app, second.sample_id)
    assert 'class="saliency"' not in page_text(app)
    press(app, "Show saliency maps")
    assert 'class="saliency"' in page_text(app)
    assert app.session_state["session_saliency"][0] is process  # no second process: they are there already


def test_maps_that_could_not_be_made_are_said_to_be_so(app, study):
    run = give_network(study)
    (run.path / "model.safetensors").write_bytes(b"no weights")
    open_page(app, "review", reader=READER)
    rest_on(app, proposals(study).iloc[0].sample_id)
    press(app, "Show saliency maps")
    app.session_state["session_saliency"][0].wait(timeout=120)
    app.run()
    assert "The maps could not be computed" in page_text(app)


def test_heat_leaves_the_image_as_it_is_where_there_is_none():
    grey = np.random.default_rng(0).integers(0, 256, (8, 8)).astype(float)
    heat = np.zeros((8, 8))
    heat[2, 3] = 1
    shown = heat_map_panel.overlay_heat(grey, heat)
    is_cold = heat == 0
    np.testing.assert_array_equal(shown[is_cold], np.repeat(grey[is_cold][:, None], 3, axis=1))
    expected = 0.35 * grey[2, 3] + 0.65 * np.array(heat_map_panel.HEAT_COLOUR)
    np.testing.assert_allclose(shown[2, 3], expected, atol=0.5)


def test_whoever_was_to_be_changed_may_go_on(app, study):
    open_page(app, "review", reader=READER)
    app.button(key="frame_change_reader").click().run()
    assert "Who is reviewing?" in page_text(app)
    app.button(key="review_reader_stay").click().run()
    assert "Who is reviewing?" not in page_text(app)
    assert app.session_state["session_reader"] == READER
