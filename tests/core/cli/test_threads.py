import os

import pytest

from overread.cli import main

NAMES = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY")


@pytest.fixture
def run(monkeypatch):
    """What a command on so many cores sets, with what the user has set."""

    def run(num_cores, user=None):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(num_cores)), raising=False)
        for name in NAMES:
            monkeypatch.setenv(name, user or "")
            if not user:
                monkeypatch.delenv(name)
        main._limit_threads()
        return tuple(os.environ[name] for name in NAMES)

    return run


@pytest.mark.parametrize(("num_cores", "num_threads"), [(1, "1"), (2, "1"), (8, "7")])
def test_a_command_leaves_one_core_and_its_threads_sleep_while_they_wait(run, num_cores, num_threads):
    assert run(num_cores) == (num_threads, "PASSIVE")


def test_what_the_user_has_set_stays(run):
    assert run(8, user="3") == ("3", "3")
