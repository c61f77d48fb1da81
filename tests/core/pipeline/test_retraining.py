"""A run after review, from verdicts in the ledger to the run that pages show."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from overread.config import OVERREAD
from overread.detection.comparison import Comparison
from overread.errors import ConfigError, StudyError
from overread.pipeline import retraining
from overread.pipeline.study_ledger import open_ledger
from overread.pipeline.train_request import TrainRequest
from overread.pipeline.train_study import train_study
from overread.records import Verdict, VerdictKind
from overread.review.ledger import visit_key
from overread.studies.run import RunState, default_run, find_runs, open_run
from overread.studies.study import open_study, save_study
from tests.core.commands import CLASSES, TINY, import_source, run_command
from tests.core.rewriting import rewrite_samples

QUICKLY = [
    *TINY[1::2],
    "rounds.num_epochs=",
    "cross_fitting.num_folds=2",
    "cross_fitting.num_epochs=1",
    "refinement.num_folds=2",
    "refinement.num_repeats=1",
    "refinement.max_rounds=1",
    "refinement.strengths=0.01",
]
AGAIN = ["model.precision=fp32", *(part for part in QUICKLY if part.startswith("refinement"))]
READER = "Dr. Mustermann-Doe"


def record(study, sample_id, kind, *, given, proposed, chosen):
    ledger = open_ledger(study)
    key = visit_key(READER, sample_id, "1")
    ledger.record(Verdict(sample_id, READER, VerdictKind(kind), given, proposed, chosen, "run", 0.5, key))


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory):
    """A study with a finished run and 50 accepted or rejected labels, and one verdict of each other kind."""
    folder = tmp_path_factory.mktemp("reviewed")
    study = import_source(folder)
    train_study(study, TrainRequest(assignments=tuple(QUICKLY)))
    for place, row in enumerate(study.samples().head(54).itertuples()):
        given = row.given_label
        other, third = (name for name in CLASSES if name != given)
        kind = {50: "relabel", 51: "ambiguous", 52: "exclude", 53: "cannot_judge"}.get(
            place, "accept" if place % 5 == 0 else "reject"
        )
        chosen = {"accept": other, "relabel": third, "exclude": ""}.get(kind, given)
        record(study, row.sample_id, kind, given=given, proposed=other, chosen=chosen)
    train_study(study, TrainRequest(after_review=True, assignments=tuple(AGAIN)))
    return study


@pytest.fixture
def study(reviewed, tmp_path):
    return open_study(shutil.copytree(reviewed.path, tmp_path / "study"))


def runs_of(study):
    base, again = find_runs(study)
    return base, again


def test_the_features_and_the_networks_opinions_are_those_of_the_run_before(reviewed):
    base, again = runs_of(reviewed)
    np.testing.assert_array_equal(base.embeddings(), again.embeddings())
    phases = [event["phase"] for event in again.events() if event["event"] == "epoch"]
    assert phases == []

    def networks(run):
        trace = run.trace()
        return trace["stage_probs"][trace["stage_names"].tolist().index("networks")].astype(float)

    np.testing.assert_allclose(networks(base), networks(again), atol=2e-3)


def test_raters_count_again_where_they_did(study):
    base, _ = runs_of(study)
    config = base.config()
    for use_raters in (False, True):
        config["settings"]["refinement"]["use_raters"] = use_raters
        (base.path / "config.json").write_text(json.dumps(config))
        settings = retraining.begin_retraining(study, study.samples(), base).settings(OVERREAD)
        assert settings.refinement.use_raters == use_raters


def test_what_was_decided_is_the_pseudo_label_in_every_round(reviewed):
    _, again = runs_of(reviewed)
    given = reviewed.samples()["given_label"].map(CLASSES.index).to_numpy()
    for labels in again.trace()["pseudo_labels"]:
        for place in range(50):
            accepted = next(k for k in range(len(CLASSES)) if k != given[place])
            assert labels[place] == (accepted if place % 5 == 0 else given[place])


def test_the_run_records_how_many_verdicts_it_knew_and_no_reader(reviewed):
    base, again = runs_of(reviewed)
    assert again.config()["after_review"] == {"run": base.name, "num_pinned": 52, "num_excluded": 1}
    for path in again.path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"Mustermann" not in content
            assert "Mustermann".encode("utf-16-le") not in content


def test_the_runs_are_compared_on_locked_samples_that_the_comparison_did_not_know(reviewed):
    _, again = runs_of(reviewed)
    with np.load(again.path / "pins.npz") as arrays:
        is_certain = (arrays["targets"] == 1).any(axis=1)
        is_compared = is_certain & arrays["is_locked"]
        decided = np.array(reviewed.classes)[arrays["targets"].argmax(axis=1)]
    num_compared = int(is_compared.sum())
    num_wrong = int((decided != reviewed.samples()["given_label"].to_numpy())[is_compared].sum())
    comparison = again.comparison()
    assert comparison["num_samples"] == num_compared
    # Which are locked hangs on the study's key, drawn anew for each.
    is_too_few = num_compared < 20 or min(num_wrong, num_compared - num_wrong) < 5
    assert (comparison["outcome"] == "too_few") == is_too_few


def test_a_resumed_run_knows_the_verdicts_that_it_began_with(study):
    again = runs_of(study)[1]
    expected = (again.path / "scores.csv").read_bytes()
    shutil.rmtree(again.path)

    def stop(event):
        if event["event"] == "scoring":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_study(study, TrainRequest(after_review=True, assignments=tuple(AGAIN)), listener=stop)
    row = study.samples().iloc[60]
    record(study, row.sample_id, "exclude", given=row.given_label, proposed=row.given_label, chosen="")
    again = runs_of(study)[1]
    assert again.state is RunState.CANCELLED
    train_study(study, TrainRequest(resume=True))
    assert (again.path / "scores.csv").read_bytes() == expected
    assert again.comparison() is not None


@pytest.mark.parametrize("outcome", ["worse", "too_few", "alike", "better"])
def test_a_run_that_is_worse_or_may_be_is_offered_and_not_imposed(study, outcome):
    base, again = runs_of(study)
    retraining.write_comparison(again, Comparison(outcome, 30, 10, None, None))
    expected = base if outcome in ("worse", "too_few") else again
    assert default_run(study).name == open_run(study).name == expected.name
    assert open_run(study, again.name).name == again.name


def test_a_choice_outweighs_the_comparison_and_may_be_changed(study):
    base, again = runs_of(study)
    retraining.write_comparison(again, Comparison("worse", 30, 10, None, None))
    again.choose(is_used=True)
    assert default_run(study).name == again.name
    again.choose(is_used=False)
    assert default_run(study).name == base.name
    shutil.rmtree(base.path)
    assert default_run(study).name == again.name  # there is no other


def test_without_verdicts_there_is_nothing_to_learn_from(study):
    for name in ("review.db", "ledger.json"):
        (study.path / name).unlink()
    study = replace(study, has_ledger=False)
    save_study(study)
    with pytest.raises(StudyError, match="no label has been decided yet; review some proposals first"):
        train_study(study, TrainRequest(after_review=True))


def test_other_samples_than_those_of_the_run_before_need_a_training_anew(study):
    samples = study.samples()
    samples.loc[0, "given_label"] = "dog" if samples.loc[0, "given_label"] == "cat" else "cat"
    rewrite_samples(study, samples)
    with pytest.raises(StudyError, match=r"its samples have changed since run .*; train without --after-review"):
        train_study(study, TrainRequest(after_review=True))


def test_options_that_the_run_before_has_settled_are_refused(study, tmp_path):
    with pytest.raises(ConfigError, match="--preset quick: cannot be used with --after-review"):
        train_study(study, TrainRequest(after_review=True, preset="quick"))
    with pytest.raises(ConfigError, match="--embeddings: cannot be used with --after-review"):
        train_study(study, TrainRequest(after_review=True, embeddings=tmp_path / "features.npy"))
    assert run_command("train", study.path, "--run", runs_of(study)[0].name).status == 2
    assert run_command("train", study.path, "--after-review", "--resume").status == 2
    assert len(find_runs(study)) == 2


def test_the_command_tells_of_the_comparison(study):
    options = [part for assignment in AGAIN for part in ("--set", assignment)]
    ended = run_command("train", study.path, "--after-review", "--run", runs_of(study)[0].name, *options, "--json")
    assert ended.status == 0, ended.err
    told = json.loads(ended.out)
    assert told["comparison"] == open_run(study, told["run"]).comparison()
    assert told["is_offered"] is (told["comparison"]["outcome"] in ("worse", "too_few"))
