"""The command that shares a study's samples among its readers."""

import pytest

from overread.cli.assign_command import seconds
from overread.errors import ConfigError
from overread.pipeline.study_ledger import open_ledger
from overread.review.claims import claim_batch
from overread.review.assignment import current_assignment
from overread.studies.run import open_run
from tests.app.made_study import write_study
from tests.app.verdicts import verdicts
from tests.core.commands import json_of, run_command


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_EPHEMERAL", "1")
    monkeypatch.setenv("OVERREAD_HOME", str(tmp_path))
    return write_study(tmp_path)
