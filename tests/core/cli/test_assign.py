"""The command that shares a study's samples among its readers."""

import json

import pytest

from overread.audit.design import AuditQuestion
from overread.cli.assign_command import seconds
from overread.errors import ConfigError
from overread.pipeline.assigning import assigned_samples
from overread.pipeline.audit_study import drawn_sample, open_audit
from overread.pipeline.study_ledger import open_ledger
from overread.review.assignment import Assignment, current_assignment
from overread.review.claims import claim_batch
from overread.studies.run import open_run
from tests.app.made_study import write_study
from tests.app.verdicts import verdicts
from tests.core.commands import run_command


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_EPHEMERAL", "1")
    monkeypatch.setenv("OVERREAD_HOME", str(tmp_path))
    return write_study(tmp_path)


def test_it_sets_shows_changes_and_ends_an_assignment(study):
    assert run_command("assign", study.path).out.startswith("no assignment")
    options = ("--readers-per-sample", 2, "--overlap", "25%", "--lease", "90m", "--batch", 3)
    ended = run_command("assign", study.path, *options)
    assert (ended.status, ended.err) == (0, "")
    wanted = Assignment(readers_per_sample=2, overlap=0.25, lease_s=5400, batch=3)
    assert current_assignment(open_ledger(study)) == wanted
    run_command("assign", study.path, "--batch", 5)
    assert current_assignment(open_ledger(study)) == Assignment(2, 0.25, 5400, 5)
    run_command("assign", study.path, "--off")
    assert current_assignment(open_ledger(study)) is None


def test_progress_tells_numbers_and_nothing_that_was_decided(study):
    run_command("assign", study.path, "--batch", 3)
    ledger, order = open_ledger(study), assigned_samples(study)
    claim_batch(ledger, Assignment(batch=3), "Ann", order)
    ledger.record(next(each for each in verdicts(study, reader="Ann", number=8) if each.sample_id == order[0]))
    found = json.loads(run_command("assign", study.path, "--json").out)["progress"]
    assert found == {
        "num_samples": 8,
        "num_read_once": 1,
        "num_read_by_all": 1,
        "num_claimed": 2,
        "num_expired": 0,
        "readers": [{"reader": "Ann", "num_read": 1, "num_claimed": 2}],
    }
    ended = run_command("assign", study.path, "--give-back", "Ann")
    assert ended.out.startswith("Ann: 3 claims ended") and "accept" not in ended.out


def test_an_open_audit_s_sample_is_among_what_is_to_be_read(study):
    open_audit(study, AuditQuestion(0.2))
    scores = open_run(study).scores()
    expected = {*drawn_sample(study).ranks, *scores.loc[scores["is_proposed"], "sample_id"]}
    assert len(expected) > 8 and set(assigned_samples(study)) == expected


def test_options_that_exclude_each_other_or_say_nothing_are_refused_in_a_line(study):
    for options in (("--off", "--batch", 3), ("--lease", "soon"), ("--overlap", "much"), ("--lease", "10s")):
        ended = run_command("assign", study.path, *options)
        assert ended.status == 2 and ended.err.startswith("error: ") and ended.err.count("\n") == 1


def test_times_are_read_with_their_unit():
    assert [seconds("--lease", text) for text in ("600", "90m", "2h", "1d", "45s")] == [600, 5400, 7200, 86400, 45]
    with pytest.raises(ConfigError):
        seconds("--lease", "-2h")
