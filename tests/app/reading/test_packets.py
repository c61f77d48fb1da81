"""What is told of a sample: its evidence, by the run's own files."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from overread.pipeline.study_ledger import open_ledger
from overread.records import VerdictKind
from overread.studies.run import open_run
from overread_app.components.threshold_slider import corrected_probabilities
from tests.app.made_study import ODD_CLASSES, RUN, write_study
from tests.app.reading.desk import READER, Desk
from tests.app.verdicts import verdicts


def change_scores(study, **columns):
    """Set columns of scores.csv; returns it."""
    path = study.runs_path / RUN / "scores.csv"
    pd.read_csv(path).assign(**columns).to_csv(path, index=False)
    return pd.read_csv(path, keep_default_na=False)


def test_a_sample_comes_with_both_labels_and_all_evidence(study):
    packet = Desk(study).shown()
    scores = open_run(study).scores()
    row = scores[scores["sample_id"] == packet["id"]].iloc[0]
    assert (packet["given"]["label"], packet["other"]["label"]) == (row.given_label, row.proposed_label)
    assert packet["given"]["colour"] != packet["other"]["colour"]
    assert (packet["isProposed"], packet["title"]) == (True, "The readings differ")
    assert packet["chanceDetail"] == f"{row.label_error_probability:.2f}"
    assert packet["kind"] == "Another class fits this image better"
    assert packet["probs"] == pytest.approx([row[f"p_{name}"] for name in study.classes], abs=1e-4)
    assert (packet["follows"], packet["note"]) == ("", "")


def test_similar_images_are_the_run_s_neighbours_with_their_pixels(study):
    packet = Desk(study).shown()
    samples, scores = study.samples().set_index("sample_id"), open_run(study).scores()
    row = int(np.flatnonzero(scores["sample_id"] == packet["id"])[0])
    neighbours = open_run(study).evidence()["neighbours"][row]
    assert [each["label"] for each in packet["similar"]] == scores["given_label"].iloc[neighbours].tolist()
    patients = samples["patient"]
    assert patients[packet["id"]] not in set(patients[scores["sample_id"].iloc[neighbours]])
    for each, neighbour in zip(packet["similar"], neighbours, strict=True):
        shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(each["thumb"].split(",")[1]))), dtype=float)
        image = study.image_location(samples.loc[scores["sample_id"].iloc[neighbour], "image"])
        source = np.asarray(Image.open(image.path), dtype=float)
        assert np.corrcoef(shown[4:28].ravel(), source.ravel())[0, 1] > 0.9
    assert packet["similarSaid"].startswith("Given labels: ")


def test_without_the_pixel_cache_the_labels_of_similar_images_remain(made_study):
    packet = Desk(made_study).shown()
    assert [each["thumb"] for each in packet["similar"]] == [""] * 6
    assert packet["similarSaid"].startswith("Given labels: ")


def test_the_scorers_that_doubt_the_label_are_told_in_words(study):
    change_scores(study, score_rounds=0.9, score_cross_validated=0.2, score_duplicates=0.0)
    assert Desk(study).shown()["votes"] == [
        {"view": "The image itself", "vote": "fits"},
        {"view": "Training rounds", "vote": "doubts"},
    ]  # duplicates whose labels agree say nothing


def test_a_consensus_is_told_where_the_run_has_one(study):
    assert Desk(study).shown()["consensus"] == ""  # its scores.csv is that of an earlier version
    change_scores(study, consensus="1", consensus_of="4 classifiers")
    assert Desk(study).shown()["consensus"] == "All 4 classifiers say 1"
    change_scores(study, consensus="", consensus_of="")
    assert Desk(study).shown()["consensus"] == ""


def test_an_almost_identical_image_of_another_label_comes_first_and_is_named(study):
    scores = change_scores(study, kind="duplicate", score_duplicates=0.5)
    first = scores[scores["is_proposed"]].sort_values("label_error_probability").index[-1]
    given = scores["given_label"]
    same = given.index[(given == given[first]) & (given.index != first)][0]
    other = given.index[given != given[first]][0]
    arrays = dict(np.load(study.runs_path / RUN / "evidence.npz"))
    arrays["pictures"][[first, same, other]] = 3
    np.savez(study.runs_path / RUN / "evidence.npz", **arrays)
    packet = next(each for each in Desk(study).queue(count=8)["samples"] if each["id"] == scores["sample_id"][first])
    assert [each["label"] for each in packet["similar"][:2]] == [given[other], given[same]]
    assert [each["isSame"] for each in packet["similar"]] == [True, True, False, False, False, False]
    assert packet["kind"] == f"An almost identical image is labelled {given[other]}"
    assert packet["similarSaid"].startswith(f"Almost identical: 1 {given[other]}, 1 {given[same]}. Other patients")
    assert {"view": "Duplicate images", "vote": "unsure"} in packet["votes"]


def test_a_run_without_kinds_and_evidence_is_told_without_them(study):
    path = study.runs_path / RUN
    (path / "evidence.npz").unlink()
    pd.read_csv(path / "scores.csv").drop(columns="kind").to_csv(path / "scores.csv", index=False)
    packet = Desk(study).shown()
    assert (packet["kind"], packet["similar"], packet["similarSaid"]) == ("", [], "")


def test_probabilities_are_corrected_by_the_reader_s_own_verdicts(tmp_path, monkeypatch):
    study = write_study(tmp_path, num_samples=150)
    desk = Desk(study)
    ledger, run = open_ledger(study), open_run(study)
    rejected = verdicts(study, reader=READER, number=22, kind=VerdictKind.REJECT)
    for verdict in rejected[:19]:
        ledger.record(verdict)
    before = desk.shown()
    assert "corrected" not in before["chanceDetail"]
    for verdict in rejected[19:]:
        ledger.record(verdict)
    corrected = corrected_probabilities(run.scores(), ledger.decisions(READER), run=run)
    assert corrected.num_verdicts == 22
    packet = desk.queue(count=1)["samples"][0]
    row = int(np.flatnonzero(run.scores()["sample_id"] == packet["id"])[0])
    assert packet["chanceDetail"] == f"{corrected.probability[row]:.2f}, corrected by your verdicts"


def test_names_of_classes_arrive_as_they_are_written(tmp_path):
    study = write_study(tmp_path)
    path = study.runs_path / RUN / "scores.csv"
    odd = dict(zip(study.classes, ODD_CLASSES[6:9], strict=True))
    table = pd.read_csv(path, keep_default_na=False).replace(odd)
    table.rename(columns={f"p_{name}": f"p_{new}" for name, new in odd.items()}).to_csv(path, index=False)
    packet = Desk(study).shown()
    assert {packet["given"]["label"], packet["other"]["label"]} <= set(odd.values())
