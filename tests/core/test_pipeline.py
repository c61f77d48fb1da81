import json
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from core import pipeline
from core.config import preset_settings
from core.datasets.runs import Run, RunState, find_runs
from core.datasets.study import open_study, write_text_table
from core.errors import StudyError
from core.images.cache import open_cache
from core.pipeline import evaluate_run, train_study
from tests.core.commands import CLASSES, TINY, import_arguments, run_command, write_source

ASSIGNMENTS = [assignment for assignment in TINY[1::2] if not assignment.startswith("rounds")]
SET = tuple(part for assignment in ASSIGNMENTS for part in ("--set", assignment))
ROUNDS = [assignment for assignment in TINY[1::2] if assignment.startswith("rounds")]


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A study and a finished run of it."""
    folder = tmp_path_factory.mktemp("ready")
    write_source(folder / "source")
    assert run_command(*import_arguments(folder / "source", folder / "study")).status == 0
    study = open_study(folder / "study")
    train_study(study, assignments=ASSIGNMENTS)
    return study


@pytest.fixture
def study(ready, tmp_path):
    """A copy with the same ids and images, and without the run."""
    shutil.copytree(ready.path, tmp_path / "study", ignore=shutil.ignore_patterns("runs"))
    return open_study(tmp_path / "study")


def only_run(study):
    (run,) = find_runs(study)
    return run


def scores_of(run):
    return (run.path / "scores.csv").read_bytes()


def test_a_training_that_is_stopped_says_so_and_goes_on_with_resume(ready, study, monkeypatch):
    from core.training import engine

    train, num_calls = engine.supervised_epoch, 0

    def stopped(*arguments, **options):
        nonlocal num_calls
        num_calls += 1
        if num_calls == 4:  # in the second of three folds of two epochs
            signal.raise_signal(signal.SIGTERM)
        return train(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(engine, "supervised_epoch", stopped)
        ended = run_command("train", study.path, *SET)
    assert (ended.status, ended.out, ended.err) == (1, "", "stopped\n")
    run = only_run(study)
    assert run.state is RunState.CANCELLED
    assert run.events()[-1]["event"] == "cancel"
    ended = run_command("train", study.path, "--resume", "--json")
    assert (ended.status, json.loads(ended.out)["run"]) == (0, run.name)
    assert scores_of(run) == scores_of(only_run(ready))
    epochs = [event["num_done"] for event in run.events() if event["event"] == "epoch"]
    assert epochs == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def killed_at(command, study, is_there):
    """Start a training and kill it as soon as one of its events is there."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        deadline_s = time.monotonic() + 120
        while not any(is_there(event) for run in find_runs(study) for event in run.events()):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


@pytest.mark.slow
def test_a_training_that_is_killed_in_every_phase_goes_on_with_resume_as_if_it_had_not_been(study):
    """Killed while it pretrains, within a fold, in the warm-up and while it judges."""
    longer = ("pretrain.num_epochs=6", "cross_fitting.num_epochs=6", "warmup.num_epochs=6")
    arguments = (*SET, *(part for assignment in longer for part in ("--set", assignment)), "--seed", "3")
    command = [sys.executable, "-m", "core", "train", str(study.path)]

    def at(phase, epoch):
        return lambda event: event["event"] == "epoch" and (event["phase"], event["epoch"]) == (phase, epoch)

    moments = [at("pretrain", 2), at("fold 2", 2), at("warmup", 2), lambda event: event["event"] == "scoring"]
    for number, moment in enumerate(moments):
        killed_at([*command, *(["--resume"] if number else arguments)], study, moment)
        assert only_run(study).state is RunState.INTERRUPTED
    run = only_run(study)
    last_before_start = [event for event, following in pairwise(run.events()) if following["event"] == "start"]
    assert [event["phase"] for event in last_before_start] == ["pretrain", "fold 2", "warmup"]
    assert all(2 <= event["epoch"] < 6 for event in last_before_start)
    assert run_command("train", study.path, "--resume").status == 0
    assert run.state is RunState.FINISHED
    assert not (run.path / "checkpoint").exists()
    other = study.path.with_name("uninterrupted")
    shutil.copytree(study.path, other, ignore=shutil.ignore_patterns("runs"))
    assert run_command("train", other, *arguments).status == 0
    assert scores_of(run) == scores_of(only_run(open_study(other)))


def test_a_training_that_fails_is_told_of_without_names_and_can_be_resumed(ready, study, monkeypatch):
    def broken(*arguments, **options):
        raise ValueError("/home/doe/scan.png")

    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "_score", broken)
        with pytest.raises(ValueError, match=r"scan\.png"):
            train_study(study, assignments=ASSIGNMENTS)
    run = only_run(study)
    assert run.state is RunState.FAILED
    assert run.events()[-1]["message"] == "ValueError"
    assert train_study(study, resume=True).name == run.name
    assert scores_of(run) == scores_of(only_run(ready))


def test_a_run_is_not_resumed_on_other_labels(study):
    def stop(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_study(study, assignments=ASSIGNMENTS, listener=stop)
    samples = study.samples()
    samples.loc[0, "given_label"] = "dog"
    write_text_table(study.samples_path, list(samples.columns), samples.to_numpy().tolist())
    with pytest.raises(StudyError, match=r"its samples have changed since run .* began; train anew"):
        train_study(study, resume=True)


def test_networks_are_left_out_where_a_fold_would_leave_them_one_class(study):
    samples = study.samples()
    samples["given_label"] = np.where(samples["patient"] == samples["patient"][0], "dog", "cat")
    write_text_table(study.samples_path, list(samples.columns), samples.to_numpy().tolist())
    run = train_study(study, assignments=ASSIGNMENTS)
    assert {event["phase"] for event in run.events() if event["event"] == "epoch"} == {"pretrain", "warmup"}
    assert "score_networks" not in run.scores()


def test_a_finished_run_is_not_resumed(ready):
    with pytest.raises(StudyError, match="has not been interrupted"):
        train_study(ready, resume=True)


def test_two_runs_that_begin_in_one_second_have_two_names(study, monkeypatch):
    monkeypatch.setattr(pipeline, "new_run_name", lambda preset, seed: "20260101T000000-quick-0")
    names = []
    for _ in range(3):
        run = pipeline._new_run(study, "quick", 0)
        run.path.mkdir(parents=True)
        names.append(run.name)
    assert names == ["20260101T000000-quick-0", "20260101T000000-quick-0-2", "20260101T000000-quick-0-3"]
    assert names == sorted(names)


def training_data(study):
    import torch

    settings = preset_settings("quick", device="cpu", has_bf16=False, cache_size_px=study.image_size_px, num_samples=72)
    samples = study.samples()
    pixels = pipeline._cached_pixels(study, samples)
    return pipeline._training_data(study, samples, pixels, settings, torch.device("cpu"))


def test_pixels_follow_the_order_of_the_samples_whatever_that_of_the_cache_and_whatever_else_it_holds(study):
    samples = study.samples().sample(frac=0.8, random_state=0)
    write_text_table(study.samples_path, list(samples.columns), samples.to_numpy().tolist())
    data, cache = training_data(study), open_cache(study.pixels_path)
    assert len(data.given) == len(samples) < len(cache.keys)
    for place, row in enumerate(samples.itertuples()):
        expected = cache.pixels[cache.keys.index(row.sample_id)]
        np.testing.assert_array_equal(data.pixels[place].permute(1, 2, 0).numpy(), expected)
        assert CLASSES[data.given[place]] == row.given_label
        assert data.is_trained[place] == (row.split != "test")


def test_a_pixel_cache_that_was_deleted_is_made_anew(study):
    before = training_data(study).pixels
    shutil.rmtree(study.pixels_path)
    assert (training_data(study).pixels == before).all()


def test_images_that_are_gone_with_the_cache_are_said_to_be(study, tmp_path):
    shutil.rmtree(study.pixels_path)
    fields = json.loads((study.path / "study.json").read_text())
    (study.path / "study.json").write_text(json.dumps({**fields, "source_root": str(tmp_path / "elsewhere")}))
    with pytest.raises(StudyError, match="72 of its images can no longer be read; import it again with --update"):
        training_data(open_study(study.path))


def test_a_full_pixel_cache_is_all_that_a_training_reads(ready, study):
    fields = json.loads((study.path / "study.json").read_text())
    (study.path / "study.json").write_text(json.dumps({**fields, "source_root": "/nowhere"}))
    run = train_study(open_study(study.path), assignments=ASSIGNMENTS)
    assert scores_of(run) == scores_of(only_run(ready))


def test_a_paper_run_proposes_its_last_pseudo_labels_and_scores_by_its_rounds(study):
    run = train_study(study, preset="paper", assignments=[*ASSIGNMENTS, *ROUNDS, "rounds.max_loss=0.8"])
    scores, trace = run.scores(), run.trace()
    assert [c for c in scores.columns if c.startswith("score_")] == [
        "score_warmup",
        "score_round_1",
        "score_round_2",
        "score_rounds",
    ]
    assert scores["proposed_label"].tolist() == [CLASSES[k] for k in trace["pseudo_labels"][-1]]
    np.testing.assert_allclose(scores["label_error_probability"], scores["score_rounds"], atol=2e-6)


def test_a_run_is_evaluated_by_the_classes_it_knew(ready, tmp_path):
    samples = ready.samples()
    truth = pd.DataFrame({"sample_id": samples["sample_id"], "true_label": samples["given_label"]})
    truth.to_csv(tmp_path / "truth.csv", index=False)
    before = evaluate_run(ready, tmp_path / "truth.csv")
    copy = shutil.copytree(ready.path, tmp_path / "study")
    fields = json.loads((copy / "study.json").read_text())
    (copy / "study.json").write_text(json.dumps({**fields, "classes": ["ant", *CLASSES]}))
    after = evaluate_run(open_study(copy), tmp_path / "truth.csv")
    assert json.dumps(after) == json.dumps(before)


def test_the_demo_is_made_once_and_kept(tmp_path, monkeypatch):
    from core import demo

    def train_a_little(study, *, assignments, **options):
        return train_study(study, assignments=[*assignments, *ASSIGNMENTS], **options)

    monkeypatch.setattr(demo, "train_study", train_a_little)
    monkeypatch.setattr(os, "nice", lambda increment: 0)
    events = []
    studies = demo.make_demo(tmp_path / "demo", num_images=40, listener=events.append)
    assert [study.path.name for study in studies] == ["tiles", "chest"]
    assert all(study.is_demo and isinstance(only_run(study), Run) and only_run(study).is_finished for study in studies)
    fractions = [event["fraction"] for event in events]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)
    lines = (tmp_path / "demo" / "progress.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == events
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    demo.make_demo(tmp_path / "demo", num_images=40)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    changed = {path.relative_to(tmp_path).as_posix() for path in kept if kept[path] != files.get(path)}
    assert changed == {"demo/progress.jsonl"}
    assert kept.keys() == files.keys()
