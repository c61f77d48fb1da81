"""A run on features from elsewhere: judged by them first, then refined by networks."""

import shutil

import numpy as np
import pytest

from overread.detection.network_trial import NetworkTrial
from overread.errors import StudyError
from overread.pipeline import network_decision
from overread.pipeline.train_request import TrainRequest
from overread.pipeline.train_study import train_study
from overread.studies.run import RunState
from overread.studies.study import open_study
from tests.core.commands import run_command
from tests.core.pipeline.runs import ASSIGNMENTS, only_run, scores_of

ALWAYS = (*ASSIGNMENTS, "cross_fitting.condition=always")


@pytest.fixture(scope="module")
def features(ready, tmp_path_factory):
    """A file of features that tell the classes apart, if not well."""
    codes = ready.samples()["given_label"].astype("category").cat.codes.to_numpy()
    array = np.random.default_rng(0).normal(size=(len(codes), 5)).astype(np.float32)
    array[np.arange(len(codes)), codes] += 2
    path = tmp_path_factory.mktemp("two steps") / "features.npy"
    np.save(path, array)
    return path


@pytest.fixture(scope="module")
def whole(ready, features, tmp_path_factory):
    """A study whose run went through both steps at once."""
    path = tmp_path_factory.mktemp("whole") / "study"
    study = open_study(shutil.copytree(ready.path, path, ignore=shutil.ignore_patterns("runs")))
    train_study(study, TrainRequest(assignments=ALWAYS, embeddings=features))
    return study


def notes(run):
    return [event["message"] for event in run.events() if event["event"] == "note"]


def test_a_run_ends_at_the_first_proposals_where_that_is_asked_for_and_can_be_refined_later(study, features, whole):
    sets = [part for assignment in ALWAYS for part in ("--set", assignment)]
    ended = run_command("train", study.path, *sets, "--embeddings", features, "--first")
    assert ended.status == 0, ended.err
    run = only_run(study)
    assert (run.state, run.is_pending, run.refinement()) == (RunState.FINISHED, True, None)
    first = run.scores()
    assert "score_networks" not in first
    assert "networks" not in run.trace()["stage_names"].tolist()
    assert not any(event["event"] == "epoch" for event in run.events())
    assert run_command("train", study.path, "--resume").status == 0
    assert not run.is_pending
    assert scores_of(run) == scores_of(only_run(whole))
    now = run.scores()
    assert "score_networks" in now
    assert run.refinement() == {
        "num_more": len(set(now["sample_id"][now["is_proposed"]]) - set(first["sample_id"][first["is_proposed"]])),
        "num_fewer": len(set(first["sample_id"][first["is_proposed"]]) - set(now["sample_id"][now["is_proposed"]])),
        "num_relabelled": sum(
            a != b and p and q
            for a, b, p, q in zip(
                first["proposed_label"],
                now["proposed_label"],
                first["is_proposed"],
                now["is_proposed"],
                strict=True,
            )
        ),
    }
    with pytest.raises(StudyError, match="has not been interrupted"):
        train_study(study, TrainRequest(resume=True))


def test_a_run_can_be_read_while_its_networks_are_trained_and_when_they_were_killed(study, features, whole):
    seen = []

    def stop_in_the_second_fold(event):
        if event["event"] == "epoch":
            run = only_run(study)
            seen.append((run.state, run.is_finished, len(run.scores()), len(run.evidence()["neighbours"])))
            if event["phase"] == "fold 2":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_study(study, TrainRequest(assignments=ALWAYS, embeddings=features), listener=stop_in_the_second_fold)
    num_samples = len(study.samples())
    assert set(seen) == {(RunState.RUNNING, True, num_samples, num_samples)}
    run = only_run(study)
    assert (run.state, run.is_pending) == (RunState.FINISHED, True)
    train_study(study, TrainRequest(resume=True))
    assert scores_of(run) == scores_of(only_run(whole))
    assert run.refinement() == only_run(whole).refinement()


@pytest.mark.parametrize(("gain", "is_trained"), [(0.25, True), (0.15, False), (-0.2, False)])
def test_on_a_cpu_a_trial_decides_whether_networks_are_trained(study, features, monkeypatch, gain, is_trained):
    tried = []

    def try_network(probs, network_probs, given, settings):
        tried.append((probs.shape, network_probs.shape, given.shape))
        return NetworkTrial(gain, 0.1)

    monkeypatch.setattr(network_decision, "try_network", try_network)
    run = train_study(study, TrainRequest(assignments=tuple(ASSIGNMENTS), embeddings=features))
    ((shape, network_shape, (num,)),) = tried
    assert shape == network_shape == (num, 3)
    assert 0 < num < len(study.samples()) / 2  # one of three folds
    assert any(event["event"] == "epoch" for event in run.events()) == is_trained
    assert ("score_networks" in run.scores()) == is_trained
    assert (run.refinement() is not None) == is_trained
    (note,) = [note for note in notes(run) if note.startswith("A trial network")]
    assert f"by {gain:+.4f} nats each (standard error 0.1000)" in note
    assert ("are left out" in note) == (not is_trained)
    assert run.state is RunState.FINISHED
    assert not run.is_pending
