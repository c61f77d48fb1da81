"""Why a training failed, in a word."""

import errno
import json

import pytest
import torch

from overread.errors import ConfigError, MissingImagesError
from overread.pipeline.failure_cause import FailureCause, failure_cause
from overread.studies.run import RunState
from tests.core.commands import run_command
from tests.core.pipeline.runs import ASSIGNMENTS, only_run


def allocation_error():
    """What PyTorch itself raises where the memory ends."""
    try:
        torch.empty(2**60)
    except RuntimeError as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), FailureCause.GPU_MEMORY),
        (MemoryError(), FailureCause.MEMORY),
        (allocation_error(), FailureCause.MEMORY),
        (OSError(errno.ENOMEM, "no memory"), FailureCause.MEMORY),
        (OSError(errno.ENOSPC, "no space"), FailureCause.DISK_FULL),
        (OSError(errno.EIO, "broken disk"), FailureCause.UNKNOWN),
        (MissingImagesError("3 of its images"), FailureCause.IMAGES),
        (ConfigError("diverged"), FailureCause.REFUSED),
        (RuntimeError("shapes do not fit"), FailureCause.UNKNOWN),
    ],
)
def test_each_error_has_the_cause_that_its_user_can_act_on(error, cause):
    assert failure_cause(error) is cause


def test_a_full_disk_is_recorded_and_the_error_is_the_commands(study, monkeypatch):
    from overread.training import engine

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(engine, "save_checkpoint", full)
    settings = [part for assignment in ASSIGNMENTS for part in ("--set", assignment)]
    ended = run_command("train", study.path, *settings)
    assert (ended.status, ended.err) == (2, "error: the disk is full; free some space and run the command again\n")
    assert only_run(study).state is RunState.FAILED
    event = json.loads(only_run(study).progress_path.read_text().splitlines()[-1])
    assert (event["event"], event["cause"]) == ("fail", "disk_full")
