"""The Review page, driven from the entry file."""

import base64
import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from overread.errors import LedgerError
from overread.images.cache.cache_build import build_cache
from overread.models.network import Network
from overread.pipeline.study_ledger import open_ledger
from overread.proposals.heat_maps import read_saliency
from overread.records import VerdictKind
from overread.review.ledger import Ledger
from overread.studies.run import open_run, training_lock
from overread.studies.study import save_study
from overread_app import visit
from overread_app.components import evidence_panel, heat_map_panel
from overread_app.components.evidence_panel import probability_chart, thumbnails, trace_chart
from overread_app.components.sample_card import likelihood
from tests.app.conftest import open_page, page_text, press
from tests.app.verdicts import verdicts

READER = "Dr. Mira Sand"


@pytest.fixture
def no_dwell(monkeypatch):
    """A test looks at a page in no time."""
    monkeypatch.setattr(visit, "MIN_DWELL_S", 0.0)


@pytest.fixture
def study(made_study):
    samples = made_study.samples()
    paths = map(made_study.image_location, samples["image"])
    build_cache(made_study.pixels_path, dict(zip(samples["sample_id"], paths, strict=True)), size_px=32)
    return made_study


def proposals(study):
    scores = open_run(study).scores()
    return scores[scores["is_proposed"]].sort_values("label_error_probability", ascending=False)


def ledger(study):
    return open_ledger(study)


def test_the_page_asks_for_the_reader_s_name_and_shows_nothing_before(app, study):
    open_page(app, "review")
    assert "Who is reviewing?" in page_text(app)
    assert "readings differ" not in page_text(app)
    app.text_input(key="review_reader_name").input("  Mira   Sand ")
    press(app, "Start reviewing")
    assert "The readings differ" in page_text(app)
    assert app.session_state["session_reader"] == "Mira Sand"


def test_an_empty_name_is_asked_for_again(app, study):
    open_page(app, "review")
    press(app, "Start reviewing")
    assert "Please enter a name" in page_text(app)


def test_the_most_probable_error_comes_first_with_both_labels_and_all_evidence(app, study):
    open_page(app, "review", reader=READER)
    first = proposals(study).iloc[0]
    text = page_text(app)
    assert not app.exception
    assert f"</i>{first.given_label}</p>" in text
    assert f"</i>{first.proposed_label}</p>" in text
    assert f"({first.label_error_probability:.2f})" in text
    assert "<b>0</b> of 8 reviewed" in text
    assert text.count('<img src="data:image/jpeg') == 6
    assert len(app.get("plotly_chart")) == 2


def test_similar_images_are_of_other_patients(app, study, monkeypatch):
    seen = []
    monkeypatch.setattr(evidence_panel, "thumbnails", lambda path, ids: seen.append(ids) or ("data:,",) * len(ids))
    open_page(app, "review", reader=READER)
    patients = study.samples().set_index("sample_id")["patient"]
    shown = proposals(study).iloc[0].sample_id
    assert len(seen[0]) == 6
    assert patients[shown] not in set(patients[list(seen[0])])


@pytest.mark.parametrize(
    ("label", "kind", "chosen"),
    [
        ("Change to", VerdictKind.ACCEPT, "proposed"),
        ("Keep", VerdictKind.REJECT, "given"),
        ("Ambiguous", VerdictKind.AMBIGUOUS, "given"),
        ("Cannot judge", VerdictKind.CANNOT_JUDGE, "given"),
        ("Exclude", VerdictKind.EXCLUDE, "none"),
    ],
)
def test_a_verdict_is_one_row_of_the_ledger_and_one_step(app, study, no_dwell, label, kind, chosen):
    open_page(app, "review", reader=READER)
    first = proposals(study).iloc[0]
    press(app, label)
    (decision,) = ledger(study).decisions()
    verdict = decision.verdict
    labels = {"proposed": first.proposed_label, "given": first.given_label, "none": ""}
    assert (verdict.kind, verdict.sample_id, verdict.reader) == (kind, first.sample_id, READER)
    assert verdict.chosen_label == labels[chosen]
    assert verdict.score == first.label_error_probability
    assert "<b>1</b> of 8 reviewed" in page_text(app)
    assert "Saved: " in page_text(app)


def test_a_third_class_is_a_relabel(app, study, no_dwell):
    open_page(app, "review", reader=READER)
    first = proposals(study).iloc[0]
    (third,) = set(study.classes) - {first.given_label, first.proposed_label}
    press(app, third)
    (decision,) = ledger(study).decisions()
    assert (decision.verdict.kind, decision.verdict.chosen_label) == (VerdictKind.RELABEL, third)


def test_each_verdict_has_a_key_and_a_class_keeps_its_own(app, study):
    open_page(app, "review", reader=READER)
    first = proposals(study).iloc[0]
    (third,) = set(study.classes) - {first.given_label, first.proposed_label}
    keys = {button.label: button.proto.shortcut for button in app.button if button.proto.shortcut}
    assert keys == {
        f"Change to {first.proposed_label}": "a",
        f"Keep {first.given_label}": "x",
        third: str(study.classes.index(third) + 1),
        "Ambiguous": "m",
        "Cannot judge": "n",
        "Exclude": "e",
        "Undo": "u",
    }


def test_the_note_is_kept_with_the_verdict_and_the_next_one_begins_empty(app, study, no_dwell):
    open_page(app, "review", reader=READER)
    app.text_input[0].input(" cut at the edge ")
    press(app, "Keep")
    assert ledger(study).decisions()[0].verdict.note == "cut at the edge"
    assert app.text_input[0].value == ""


def test_undo_brings_the_sample_back_and_appends_a_row(app, study, no_dwell):
    open_page(app, "review", reader=READER)
    press(app, "Change to")
    press(app, "Undo")
    assert [row.kind for row in ledger(study).history()] == ["verdict", "undo"]
    assert ledger(study).decisions() == []
    assert "<b>0</b> of 8 reviewed" in page_text(app)
    assert f"</i>{proposals(study).iloc[0].given_label}</p>" in page_text(app)


def test_a_sample_can_be_decided_again_after_undo(app, study, no_dwell):
    open_page(app, "review", reader=READER)
    for label in ("Change to", "Undo", "Keep"):
        press(app, label)
    (decision,) = ledger(study).decisions()
    assert decision.verdict.kind is VerdictKind.REJECT
    assert len(ledger(study).history()) == 3


def test_a_press_on_a_sample_that_has_just_come_up_is_not_taken(app, study, monkeypatch):
    monkeypatch.setattr(visit, "MIN_DWELL_S", 3600.0)
    open_page(app, "review", reader=READER)
    press(app, "Change to")
    assert ledger(study).history() == []
    assert "<b>0</b> of 8 reviewed" in page_text(app)


def test_a_reader_sees_neither_the_verdicts_nor_the_progress_of_another(app, study):
    for verdict in verdicts(study, reader="Dr. Else", number=5):
        ledger(study).record(verdict)
    open_page(app, "review", reader=READER)
    assert "<b>0</b> of 8 reviewed" in page_text(app)
    assert "Nothing saved yet" in page_text(app)
    assert "Else" not in page_text(app)


def test_when_all_is_read_the_page_counts_the_verdicts_and_leads_to_the_export(app, study, no_dwell):
    rest = verdicts(study, reader=READER, number=8)
    for verdict in rest[:-1]:
        ledger(study).record(verdict)
    open_page(app, "review", reader=READER)
    press(app, "Keep")
    text = page_text(app)
    assert "You have reviewed all proposals." in text
    assert "<dt>Changed</dt><dd>7</dd>" in text
    assert "<dt>Kept</dt><dd>1</dd>" in text
    press(app, "Undo")
    assert "<b>7</b> of 8 reviewed" in page_text(app)


def test_an_image_that_cannot_be_shown_can_still_be_judged(app, study, no_dwell):
    first = proposals(study).iloc[0].sample_id
    samples = study.samples().set_index("sample_id")
    study.image_location(samples.loc[first, "image"]).path.write_bytes(b"no image")
    open_page(app, "review", reader=READER)
    assert "cannot be shown" in page_text(app)
    assert "secret" not in page_text(app)
    press(app, "Cannot judge")
    assert ledger(study).decisions()[0].verdict.kind is VerdictKind.CANNOT_JUDGE


def test_without_the_pixel_cache_the_labels_of_similar_images_remain(app, made_study):
    open_page(app, "review", reader=READER)
    assert not app.warning
    assert "Given labels:" in page_text(app)


def test_what_the_ledger_refuses_is_said_and_the_sample_stays(app, study, no_dwell, monkeypatch):
    def refuse(self, verdict):
        raise LedgerError("the review ledger's database is full")

    monkeypatch.setattr(Ledger, "record", refuse)
    open_page(app, "review", reader=READER)
    press(app, "Keep")
    assert app.warning[0].value.startswith("Not saved:")
    assert "<b>0</b> of 8 reviewed" in page_text(app)
    assert "Nothing saved yet" in page_text(app)


def test_what_breaks_while_a_verdict_is_saved_is_a_plain_error_without_names(app, study, no_dwell, monkeypatch):
    def broken(self, verdict):
        raise OSError(5, "Input/output error", "/home/doe/review.db")

    monkeypatch.setattr(Ledger, "record", broken)
    open_page(app, "review", reader=READER)
    press(app, "Keep")
    assert not app.exception
    assert app.warning[0].value.startswith("Not saved: Something went wrong.")
    assert "doe" not in page_text(app)
    assert "<b>0</b> of 8 reviewed" in page_text(app)


def test_a_ledger_that_is_no_database_any_more_is_a_plain_error(app, study, no_dwell):
    open_page(app, "review", reader=READER)
    press(app, "Keep")
    path = study.path / "review.db"
    path.unlink()
    path.write_bytes(b"no database" * 1000)
    press(app, "Keep")
    assert not app.exception
    assert "the review ledger" in app.warning[0].value


@pytest.mark.parametrize(
    ("probability", "words"),
    [(0.999, "98 in 100 or more"), (0.95, "about 19 in 20"), (0.9, "about 9 in 10"), (0.52, "about 5 in 10"),
     (0.05, "about 1 in 20"), (0.0, "2 in 100 or fewer")],
)  # fmt: skip
def test_a_probability_is_said_as_a_natural_frequency(probability, words):
    assert likelihood(probability) == words


def test_charts_hold_the_numbers_they_are_given():
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(3), size=5).astype(np.float16)
    classes = ("a", "b", "c")
    bars = probability_chart(probs[-1], classes, given="a", proposed="c").data[0]
    assert list(bars.x) == probs[-1].astype(float).tolist()
    stages = ("warmup", "round 1 epoch 2", "round 1 epoch 3", "round 2 epoch 2", "round 2 epoch 5")
    figure = trace_chart(probs, stages, classes, given="a", proposed="c")
    lines = {line.name: list(line.y) for line in figure.data}
    assert lines == {name: probs[:, index].astype(float).tolist() for index, name in enumerate(classes)}
    assert list(figure.layout.xaxis.ticktext) == ["warm-up", "round 1", "round 2"]
    assert list(figure.layout.xaxis.tickvals) == [0, 1.5, 3.5]


def test_a_thumbnail_shows_the_cached_pixels(study):
    samples = study.samples()
    (uri,) = thumbnails(study.pixels_path, (samples["sample_id"][5],))
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))), dtype=float)
    source = np.asarray(Image.open(study.image_location(samples["image"][5]).path), dtype=float)
    assert shown.shape == (32, 32)
    assert np.corrcoef(shown[4:28].ravel(), source.ravel())[0, 1] > 0.9


def test_classes_beyond_the_number_keys_are_in_a_list(app, study, no_dwell):
    more = tuple(f"class {number}" for number in range(4, 13))
    save_study(replace(study, classes=(*study.classes, *more)))
    path = open_run(study).path
    scores = pd.read_csv(path / "scores.csv")
    scores.assign(**{f"p_{name}": 0.0 for name in more}).to_csv(path / "scores.csv", index=False)
    trace = dict(np.load(path / "trace.npz"))
    trace["stage_probs"] = np.pad(trace["stage_probs"], ((0, 0), (0, 0), (0, len(more))))
    np.savez(path / "trace.npz", **trace)
    open_page(app, "review", reader=READER)
    listed = next(box for box in app.selectbox if box.label == "More classes")
    assert listed.options == ["class 10", "class 11", "class 12"]
    listed.select("class 11").run()
    (decision,) = ledger(study).decisions()
    assert (decision.verdict.kind, decision.verdict.chosen_label) == (VerdictKind.RELABEL, "class 11")


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
    settings = {"model": {"encoder": "narrow", "image_size_px": 32}, "pretrain": {"projection_size": 8}}
    (run.path / "config.json").write_text(json.dumps({**run.config(), "settings": settings}))
    return run


def test_a_run_without_a_network_offers_no_heat_maps(app, study):
    open_page(app, "review", reader=READER)
    assert "Show saliency maps" not in page_text(app)


@pytest.mark.usefixtures("no_dwell")
def test_heat_maps_are_made_when_they_are_asked_for_and_closed_at_the_next_sample(app, study):
    run = give_network(study)
    open_page(app, "review", reader=READER)
    assert not (run.path / "saliency").exists()
    press(app, "Show saliency maps")
    assert "you can continue meanwhile" in page_text(app)
    process, _ = app.session_state["session_saliency"]
    assert process.wait(timeout=120) == 0
    ids = proposals(study)["sample_id"].tolist()
    assert [bool(read_saliency(run, sample_id)) for sample_id in ids] == [True] * len(ids)  # eight: all of this study's
    first = proposals(study).iloc[0]
    app.run()
    text = page_text(app)
    assert not app.exception
    assert f"<figcaption>for {first.given_label}</figcaption>" in text
    assert f"<figcaption>for {first.proposed_label}</figcaption>" in text
    assert "have not been found to make readers more accurate" in text
    press(app, "Keep")
    assert 'class="saliency"' not in page_text(app)
    press(app, "Show saliency maps")
    assert 'class="saliency"' in page_text(app)
    assert app.session_state["session_saliency"][0] is process  # no second process: they are there already


def test_maps_that_could_not_be_made_are_said_to_be_so(app, study):
    run = give_network(study)
    (run.path / "model.safetensors").write_bytes(b"no weights")
    open_page(app, "review", reader=READER)
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
