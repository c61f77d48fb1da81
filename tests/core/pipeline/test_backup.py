"""A backup holds every verdict that was saved before it, and makes a study anew or mends one."""

import multiprocessing
import shutil
import signal
import time
import zipfile
from contextlib import contextmanager, suppress

import pytest

from overread.errors import LedgerError, StudyError
from overread.pipeline.backup import backup_study, restore_study
from overread.pipeline.study_ledger import open_ledger
from overread.review.adjudication import open_round, record_adjudication, settled_by_rounds
from overread.review.assignment import Assignment, assign, current_assignment, sharing_rows
from overread.review.claims import claim_batch, give_back, held_samples
from overread.review.disputes import Opinion, Round
from overread.studies.study import open_study
from tests.core.commands import run_command
from tests.core.review.conftest import new_database, postgresql
from tests.core.review.verdicts import verdict

__all__ = ("postgresql",)


def record(study, *names):
    ledger = open_ledger(study)
    for name in names:
        ledger.record(verdict(name))
    return ledger.history()


def files(study):
    names = ("study.json", "samples.csv", "source.csv", "quarantine.csv")
    return {name: (study.path / name).read_bytes() for name in names}


@pytest.fixture
def saved(study, tmp_path):
    """A study with three verdicts, and a backup of it."""
    record(study, "s1", "s2", "s3")
    study = open_study(study.path)
    assert backup_study(study, tmp_path / "saved") == 3
    return study, tmp_path / "saved"


def test_a_study_is_made_anew_with_its_ids_its_key_and_its_ledger(saved, tmp_path):
    study, backup = saved
    restored = restore_study(backup, tmp_path / "elsewhere")
    again = open_study(tmp_path / "elsewhere")
    assert (restored.num_rows, restored.num_added) == (3, 3)
    assert again.key() == study.key()
    assert open_ledger(again).history() == open_ledger(study).history()
    assert open_ledger(again).verify_chain().sequence == 3
    assert again.samples().equals(study.samples())
    assert record(again, "s4")[-1].sequence == 4


@pytest.mark.parametrize("lost", ["review.db", "ledger.json", "key", "samples.csv", "source.csv", "study.json"])
def test_what_is_lost_comes_back_and_what_is_there_stays(saved, lost):
    study, backup = saved
    before, rows = files(study), open_ledger(study).history()
    for path in study.path.glob(f"{lost}*"):
        path.unlink()
    restore_study(backup, study.path)
    again = open_study(study.path)
    assert files(again) == before
    assert open_ledger(again).history() == rows
    open_ledger(again).verify_chain()


TWICE = Assignment(readers_per_sample=2, overlap=0.25, batch=2, seed=7)


@pytest.fixture
def shared(study, tmp_path, monkeypatch):
    """A study with a sample that Ann holds, one that she has read, and a dispute that a round has settled."""
    monkeypatch.setenv("OVERREAD_HOME", str(tmp_path))
    ledger = open_ledger(study)
    assign(ledger, TWICE)
    assert claim_batch(ledger, TWICE, "ann", ["s1", "s2", "s3"]) == ["s1", "s2"]
    ledger.record(verdict("s1", "ann"))
    ledger.record(verdict("s1", "ben", "reject"))
    open_round(ledger, Round.ADJUDICATION, "owner")
    record_adjudication(ledger, "cleo", "s1", Opinion("polyp"), protocol="blind", key="1")
    return open_study(study.path)


def test_an_assignment_and_its_claims_come_back_unless_there_is_one(shared, tmp_path):
    backup_study(shared, tmp_path / "saved")
    restore_study(tmp_path / "saved", tmp_path / "elsewhere")
    again = open_ledger(open_study(tmp_path / "elsewhere"))
    assert current_assignment(again) == TWICE
    assert held_samples(again, "ann") == {"s1", "s2"}
    assign(again, Assignment(batch=9))
    give_back(again, "ann")
    restore_study(tmp_path / "saved", tmp_path / "elsewhere")
    assert current_assignment(again) == Assignment(batch=9)
    assert not held_samples(again, "ann")


@pytest.mark.slow  # starts a server
def test_assignment_claims_and_rounds_move_to_a_server_and_back(shared, tmp_path, monkeypatch, request):
    backup_study(shared, tmp_path / "of-file")
    before = open_ledger(shared)
    monkeypatch.setenv("OVERREAD_DATABASE", new_database(request.getfixturevalue("postgresql")))
    restore_study(tmp_path / "of-file", tmp_path / "served")
    served = open_study(tmp_path / "served")
    backup_study(served, tmp_path / "of-server")
    on_server = open_ledger(served)
    monkeypatch.delenv("OVERREAD_DATABASE")
    restore_study(tmp_path / "of-server", tmp_path / "back")
    in_file = open_ledger(open_study(tmp_path / "back"))
    assert [each.engine.dialect.name for each in (before, on_server, in_file)] == ["sqlite", "postgresql", "sqlite"]
    for ledger in (on_server, in_file):
        assert current_assignment(ledger) == TWICE
        assert sharing_rows(ledger) == sharing_rows(before)
        assert held_samples(ledger, "ann") == {"s1", "s2"}
        assert ledger.history() == before.history()
        assert settled_by_rounds(ledger)["s1"].label == "polyp"
        assert claim_batch(ledger, TWICE, "ben", ["s1", "s2", "s3"]) == ["s2", "s3"]
    on_server.engine.dispose()


def test_verdicts_since_the_backup_stay(saved):
    study, backup = saved
    rows = record(study, "s4")
    restored = restore_study(backup, study.path)
    assert (restored.num_rows, restored.num_added) == (4, 0)
    assert open_ledger(study).history() == rows


def test_a_ledger_that_goes_another_way_is_put_aside_only_if_asked(saved):
    study, backup = saved
    rows = open_ledger(study).history()
    (study.path / "review.db").write_bytes(b"no database" * 1000)
    for path in study.path.glob("review.db-*"):
        path.unlink()
    with pytest.raises(LedgerError, match="--overwrite renames it"):
        restore_study(backup, study.path)
    assert (study.path / "review.db").read_bytes().startswith(b"no database")
    restore_study(backup, study.path, overwrite=True)
    assert open_ledger(open_study(study.path)).history() == rows
    (aside,) = study.path.glob("review.db.damaged-*")
    assert aside.read_bytes().startswith(b"no database")


def test_another_study_is_not_restored_over(saved, tmp_path):
    study, backup = saved
    other = tmp_path / "other"
    shutil.copytree(study.path, other)
    text = (other / "study.json").read_text()
    (other / "study.json").write_text(text.replace('"key_fingerprint": "', '"key_fingerprint": "f00d'))
    with pytest.raises(StudyError, match="contains a different study"):
        restore_study(backup, other)


def test_a_backup_is_the_owners_alone_and_a_damaged_one_is_refused(saved, tmp_path):
    _, backup = saved
    assert backup.stat().st_mode & 0o777 == 0o600
    content = bytearray(backup.read_bytes())
    content[len(content) // 3] ^= 0xFF
    backup.write_bytes(content)
    with pytest.raises(StudyError, match="is not a backup of a study, or is damaged"):
        restore_study(backup, tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()


def test_a_path_out_of_the_study_in_a_backup_is_refused(saved, tmp_path):
    _, backup = saved
    with zipfile.ZipFile(backup) as old:
        contents = {name: old.read(name) for name in old.namelist()}
    contents["backup.json"] = contents["backup.json"].replace(b'"samples.csv"', b'"../escaped.csv"')
    with zipfile.ZipFile(tmp_path / "evil", "w") as new:
        for name, content in contents.items():
            new.writestr("../escaped.csv" if name == "samples.csv" else name, content)
    with pytest.raises(StudyError, match="is not a backup"):
        restore_study(tmp_path / "evil", tmp_path / "deep" / "elsewhere")
    assert not (tmp_path / "deep" / "escaped.csv").exists()


def test_a_backup_of_a_study_that_nobody_read_is_one_to_verify_against(study, tmp_path):
    assert backup_study(study, tmp_path / "empty") == 0
    assert run_command("verify", study.path, "--against", tmp_path / "empty").status == 0


def test_a_killed_backup_s_temporary_file_is_removed_by_the_next_one(study, tmp_path):
    (tmp_path / ".saved.0123abcd.tmp").write_bytes(b"half a backup")
    backup_study(study, tmp_path / "saved")
    assert [path.name for path in tmp_path.glob(".*.tmp")] == []


# Forked from a process that has imported everything: started anew, each would take a second until it can be killed in
# the middle of anything.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])


def write_verdicts(path, reader, acknowledge):
    ledger = open_ledger(open_study(path))
    for number in range(100_000):
        ledger.record(verdict(f"s{number}", reader=reader))
        acknowledge.send(number)


def back_up(path, to, begun):
    begun.set()
    assert run_command("backup", path, "--to", to).status == 0


@contextmanager
def writing(study, reader):
    """A writer, and the end of the pipe that it acknowledges each verdict by."""
    answers, acknowledge = FORKS.Pipe(duplex=False)
    writer = FORKS.Process(target=write_verdicts, args=(study.path, reader, acknowledge))
    writer.start()
    acknowledge.close()
    with answers:
        yield writer, answers
    writer.join()
    writer.close()


def rest_of(answers):
    """What was acknowledged before the kill and not read yet."""
    rest = []
    with suppress(EOFError):
        while True:
            rest.append(answers.recv())
    return rest


@pytest.mark.slow
def test_no_acknowledged_verdict_is_lost_by_20_kills_of_writer_and_backup(study, tmp_path):
    num_acknowledged = 0
    ends, whole_s = [], 0.0
    for trial in range(20):
        with writing(study, f"reader {trial}") as (writer, answers):
            told = [answers.recv() for _ in range(5 + trial)]
            acknowledged_before = num_acknowledged + len(told)
            begun = FORKS.Event()
            backup = FORKS.Process(target=back_up, args=(study.path, tmp_path / f"backup {trial}", begun))
            backup.start()
            assert begun.wait(60)
            begun_s = time.perf_counter()
            if trial % 2:
                time.sleep(trial / 20 * whole_s)
                backup.kill()
            backup.join(60)
            if trial % 2 == 0:
                whole_s = time.perf_counter() - begun_s
            ends.append(backup.exitcode)
            writer.kill()
            num_acknowledged += len(told) + len(rest_of(answers))
        ledger = open_ledger(open_study(study.path))
        # A verdict may have been saved whose acknowledgement the kill cut off, but never the other way round.
        assert num_acknowledged <= ledger.verify_chain().sequence <= num_acknowledged + trial + 1
        made = tmp_path / f"backup {trial}"
        assert made.exists() or trial % 2
        if made.exists():
            restored = restore_study(made, tmp_path / f"restored {trial}")
            assert restored.num_rows >= acknowledged_before
    assert ends[::2] == [0] * 10
    assert -signal.SIGKILL in ends[1::2]
    left = [path.name for path in tmp_path.glob("*.tmp")]  # hidden, and by those alone that were killed in the middle
    assert all(name.startswith(".backup ") and int(name.split()[1].split(".")[0]) % 2 for name in left)
    assert run_command("verify", study.path).status == 0
