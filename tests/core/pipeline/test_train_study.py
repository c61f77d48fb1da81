"""A training from its beginning to its files, be it stopped, killed or at fault on the way."""

import json
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise

import numpy as np
import pytest
import torch

from overread.errors import ConfigError, StudyError
from overread.pipeline import train_study as train
from overread.pipeline.train_request import TrainRequest
from overread.pipeline.train_study import train_study
from overread.studies.run import RunState, find_runs
from overread.studies.study import open_study
from tests.core.commands import CLASSES, TINY, run_command
from tests.core.pipeline.runs import ASSIGNMENTS, only_run, scores_of
from tests.core.rewriting import rewrite_samples

SET = tuple(part for assignment in ASSIGNMENTS for part in ("--set", assignment))
ROUNDS = [assignment for assignment in TINY[1::2] if assignment.startswith("rounds")]


def test_a_training_that_is_stopped_says_so_and_goes_on_with_resume(ready, study, monkeypatch):
    from overread.training import engine

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
    assert epochs == [1, 2, 3, 4, 5, 6, 7]


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
    """Killed while it pretrains, within a fold and while it judges."""
    longer = ("pretrain.num_epochs=6", "cross_fitting.num_epochs=6")
    arguments = (*SET, *(part for assignment in longer for part in ("--set", assignment)), "--seed", "3")
    command = [sys.executable, "-m", "core", "train", str(study.path)]

    def at(phase, epoch):
        return lambda event: event["event"] == "epoch" and (event["phase"], event["epoch"]) == (phase, epoch)

    moments = [at("pretrain", 2), at("fold 2", 2), lambda event: event["event"] == "scoring"]
    for number, moment in enumerate(moments):
        killed_at([*command, *(["--resume"] if number else arguments)], study, moment)
        assert only_run(study).state is RunState.INTERRUPTED
    run = only_run(study)
    last_before_start = [event for event, following in pairwise(run.events()) if following["event"] == "start"]
    assert [event["phase"] for event in last_before_start] == ["pretrain", "fold 2"]
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
        patch.setattr(train, "score_run", broken)
        with pytest.raises(ValueError, match=r"scan\.png"):
            train_study(study, TrainRequest(assignments=tuple(ASSIGNMENTS)))
    run = only_run(study)
    assert run.state is RunState.FAILED
    assert run.events()[-1]["message"] == "ValueError"
    assert train_study(study, TrainRequest(resume=True)).name == run.name
    assert scores_of(run) == scores_of(only_run(ready))


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_run_that_began_on_a_gpu_is_resumed_without_one_where_that_is_asked_for(stopped):
    study = stopped
    path = only_run(study).path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"device": "cuda"}))
    with pytest.raises(
        StudyError, match="was started on a GPU, and no working GPU was found; `--device cpu` continues it slowly"
    ):
        train_study(study, TrainRequest(resume=True))
    assert train_study(study, TrainRequest(resume=True, device="cpu")).is_finished


def test_a_run_is_not_resumed_on_other_labels(study):
    def stop(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_study(study, TrainRequest(assignments=tuple(ASSIGNMENTS)), listener=stop)
    samples = study.samples()
    samples.loc[0, "given_label"] = "dog"
    rewrite_samples(study, samples)
    with pytest.raises(StudyError, match=r"its samples have changed since run .* began; start a new run"):
        train_study(study, TrainRequest(resume=True))


@pytest.fixture
def stopped(study):
    """A study whose run was stopped as it began."""

    def stop(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_study(study, TrainRequest(assignments=tuple(ASSIGNMENTS)), listener=stop)
    return study


def test_a_run_is_not_resumed_on_other_classes_or_patients(stopped):
    samples = stopped.samples()
    samples.loc[0, "patient"] = "another"
    rewrite_samples(stopped, samples)
    with pytest.raises(StudyError, match="its classes, patients or slides have changed since run"):
        train_study(stopped, TrainRequest(resume=True))
    fields = json.loads((stopped.path / "study.json").read_text())
    (stopped.path / "study.json").write_text(json.dumps({**fields, "classes": fields["classes"][::-1]}))
    with pytest.raises(StudyError, match="its classes, patients or slides have changed since run"):
        train_study(open_study(stopped.path), TrainRequest(resume=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "paper"}, "--preset paper: run .* was started with overread; leave the option out"),
        ({"seed": 7}, "--seed 7: run .* was started with 0; leave the option out"),
        (
            {"assignments": ["warmup.num_epochs=9"]},
            "--set warmup.num_epochs=9: a resumed run keeps",
        ),
    ],
)
def test_a_run_is_not_resumed_with_other_options(stopped, options, message):
    with pytest.raises(ConfigError, match=message):
        train_study(stopped, TrainRequest(resume=True, **options))


@pytest.mark.parametrize("name", ["state.pt", "pictures.json"])
def test_a_damaged_checkpoint_is_told_of_and_without_it_the_run_ends_alike(ready, stopped, name):
    checkpoint = only_run(stopped).path / "checkpoint"
    checkpoint.mkdir(exist_ok=True)
    (checkpoint / name).write_bytes(b"")
    with pytest.raises(StudyError, match=rf"{name}: is missing or damaged .*; delete its folder and resume again"):
        train_study(stopped, TrainRequest(resume=True))
    shutil.rmtree(checkpoint)
    assert scores_of(train_study(stopped, TrainRequest(resume=True))) == scores_of(only_run(ready))


@pytest.mark.parametrize(("splits", "found"), [(["test"], "no sample"), (["test", "train"], "samples of dog alone")])
def test_a_study_without_two_classes_to_train_on_is_refused_before_anything_is_done(study, splits, found):
    samples = study.samples()
    samples["split"] = np.where(samples["given_label"] == "dog", splits[-1], "test")
    rewrite_samples(study, samples)
    with pytest.raises(StudyError, match=f"outside the test split there are {found}, and training needs two classes"):
        train_study(study, TrainRequest(assignments=tuple(ASSIGNMENTS)))
    assert find_runs(study) == []


def test_raters_cannot_count_where_a_study_has_none(study):
    with pytest.raises(ConfigError, match=r"refinement\.use_raters: the study has no raters"):
        train_study(study, TrainRequest(assignments=(*ASSIGNMENTS, "refinement.use_raters=true")))
    assert find_runs(study) == []


def test_networks_are_left_out_where_a_fold_would_leave_them_one_class(study):
    samples = study.samples()
    samples["given_label"] = np.where(samples["patient"] == samples["patient"][0], "dog", "cat")
    rewrite_samples(study, samples)
    run = train_study(study, TrainRequest(assignments=tuple(ASSIGNMENTS)))
    assert {event["phase"] for event in run.events() if event["event"] == "epoch"} == {"pretrain"}
    assert "score_networks" not in run.scores()


def test_a_finished_run_is_not_resumed(ready):
    with pytest.raises(StudyError, match="has not been interrupted"):
        train_study(ready, TrainRequest(resume=True))


def test_a_paper_run_proposes_its_last_pseudo_labels_and_scores_by_its_rounds(study):
    run = train_study(study, TrainRequest(preset="paper", assignments=(*ASSIGNMENTS, *ROUNDS, "rounds.max_loss=0.8")))
    scores, trace = run.scores(), run.trace()
    assert [c for c in scores.columns if c.startswith("score_")] == [
        "score_warmup",
        "score_round_1",
        "score_round_2",
        "score_rounds",
    ]
    assert scores["proposed_label"].tolist() == [CLASSES[k] for k in trace["pseudo_labels"][-1]]
    np.testing.assert_allclose(scores["label_error_probability"], scores["score_rounds"], atol=2e-6)
