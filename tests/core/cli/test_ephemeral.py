"""Commands that make studies, in a temporary folder."""

import os

import pytest

from overread.errors import LedgerError
from overread.pipeline.study_ledger import open_ledger
from overread.studies.study import open_study
from tests.core.commands import import_arguments, run_command, write_source
from tests.core.review.verdicts import verdict


def test_ephemeral_lets_a_study_in_a_temporary_folder_take_verdicts(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_EPHEMERAL", "")
    arguments = import_arguments(write_source(tmp_path / "source"), tmp_path / "study")
    assert run_command(*arguments).status == 0
    study = open_study(tmp_path / "study")
    with pytest.raises(LedgerError, match="--ephemeral"):
        open_ledger(study).record(verdict())
    assert run_command(*arguments, "--update", "--ephemeral").status == 0
    assert os.environ["OVERREAD_EPHEMERAL"] == "1"
    assert open_ledger(study).record(verdict())
