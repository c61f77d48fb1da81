"""Settings of a short training, and what it leaves."""

from overread.studies.run import find_runs
from tests.core.commands import TINY

ASSIGNMENTS = [assignment for assignment in TINY[1::2] if not assignment.startswith("rounds")]


def only_run(study):
    (run,) = find_runs(study)
    return run


def scores_of(run):
    return (run.path / "scores.csv").read_bytes()
