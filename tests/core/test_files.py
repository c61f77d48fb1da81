"""Files of ours: who may read them, and what killed writers leave."""

import os
import signal
import stat
import subprocess
import sys

import pytest
from filelock import FileLock

from overread.files import file_lock, is_locked, make_folder, write_atomically

KILLED = """
import os, signal, sys
from pathlib import Path
import overread.files
overread.files.os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
overread.files.write_atomically(Path(sys.argv[1]), "half")
"""


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.parametrize(("folder_mode", "expected"), [(0o700, (0o600, 0o700)), (0o755, (0o644, 0o755))])
def test_what_is_written_in_a_study_is_as_private_as_its_folder(tmp_path, umask, folder_mode, expected):
    study = tmp_path / "study"
    study.mkdir()
    study.chmod(folder_mode)
    (study / "key").write_text("")
    make_folder(study / "runs" / "first")
    write_atomically(study / "runs" / "first" / "scores.csv", "a")
    folders = {mode(study / "runs"), mode(study / "runs" / "first")}
    assert (mode(study / "runs" / "first" / "scores.csv"), *folders) == expected


def test_what_is_written_elsewhere_follows_the_umask_alone(tmp_path, umask):
    tmp_path.chmod(0o700)
    write_atomically(tmp_path / "out.csv", "a")
    assert mode(tmp_path / "out.csv") == 0o644


def test_what_a_killed_writer_left_is_removed_by_the_next_one_of_the_file(tmp_path):
    path = tmp_path / "a [1].csv"
    killed = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    write_atomically(tmp_path / "b.csv", "other")
    assert left.exists()
    write_atomically(path, "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a [1].csv", "b.csv"]
    assert path.read_text() == "whole"


def test_a_writer_that_is_still_at_it_is_left_alone(tmp_path, monkeypatch):
    path, fsync, inner = tmp_path / "a.csv", os.fsync, []

    def write_meanwhile(descriptor):
        if not inner:
            inner.append(True)
            write_atomically(path, "second")
            assert len(list(tmp_path.glob(".a.csv.*.tmp"))) == 1
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", write_meanwhile)
    write_atomically(path, "first")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


HOLDER = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_seen_while_its_holder_lives_and_is_gone_when_that_is_killed(tmp_path):
    path = tmp_path / ".lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        assert is_locked(path)
        holder.kill()
    assert not is_locked(path)
    with FileLock(path, blocking=False):
        assert is_locked(path)


def test_asking_whether_a_file_is_locked_locks_nobody_else_out(tmp_path, monkeypatch):
    path, close, answers = tmp_path / ".lock", os.close, []
    path.touch()

    def ask_meanwhile(descriptor):
        if not answers:
            answers.append(None)
            answers.append(is_locked(path))
        close(descriptor)

    monkeypatch.setattr(os, "close", ask_meanwhile)
    assert not is_locked(path)
    assert answers == [None, False]


@pytest.mark.parametrize(("folder_mode", "expected"), [(0o700, 0o600), (0o755, 0o644)])
def test_a_lock_s_file_is_as_private_as_the_study_s_folder(tmp_path, umask, folder_mode, expected):
    (tmp_path / "key").write_text("")
    tmp_path.chmod(folder_mode)
    with file_lock(tmp_path / ".lock"):
        assert mode(tmp_path / ".lock") == expected
