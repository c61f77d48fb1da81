"""What goes on around the ledger's file: it is gone, locked, on a read-only or full disk, or in a temporary folder."""

import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from overread.errors import LedgerBusyError, LedgerError, ReadOnlyError
from overread.review import database, sqlite
from overread.review.ledger import Ledger
from overread.review.places import EPHEMERAL_VARIABLE
from tests.core.review.mounts import fill, mounted, read_only
from tests.core.review.verdicts import verdict

WRITER = """
import sys
from overread.review.ledger import Ledger
from tests.core.review.verdicts import verdict
ledger = Ledger.open(sys.argv[1], "study")
for number in range(100_000):
    ledger.record(verdict(f"s{number}", reader=sys.argv[2]))
    print(number, flush=True)
"""


def url_of(folder):
    return f"sqlite:///{folder / 'review.db'}"


def leave_log(folder, *names):
    """Rows that stand in the write-ahead log alone, as a killed process leaves them."""
    program = (
        "import os, sys, sqlite3\n"
        "from overread.review.ledger import Ledger\nfrom tests.core.review.verdicts import verdict\n"
        f"ledger = Ledger.open({url_of(folder)!r}, 'study')\n"
        f"anchor = sqlite3.connect({str(folder / 'review.db')!r}); anchor.execute('SELECT * FROM ledger').fetchone()\n"
        f"[ledger.record(verdict(name)) for name in {names!r}]\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert (folder / "review.db-wal").stat().st_size > 0


def test_a_file_that_is_gone_is_said_to_be_and_none_is_made(tmp_path):
    ledger = Ledger.open(url_of(tmp_path), "study")
    ledger.record(verdict())
    for path in tmp_path.glob("review.db*"):
        path.unlink()
    with pytest.raises(LedgerError, match="the review ledger is missing"):
        sqlite.connect(tmp_path / "review.db")
    assert not list(tmp_path.glob("review.db*"))


def test_a_ledger_that_somebody_holds_is_busy_soon_and_nothing_is_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.2)
    ledger = Ledger.open(url_of(tmp_path), "study")
    with closing(sqlite3.connect(tmp_path / "review.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        began_s = time.monotonic()
        with pytest.raises(LedgerBusyError, match="in use by somebody else; nothing was saved"):
            ledger.record(verdict())
        assert time.monotonic() - began_s < 2
        assert ledger.decisions() == []  # reading goes on
    assert ledger.record(verdict())


def test_a_turn_that_does_not_come_is_a_courtesy_and_the_ledger_is_written_without_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.2)
    ledger = Ledger.open(url_of(tmp_path), "study")
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        began_s = time.monotonic()
        assert ledger.record(verdict())
        assert time.monotonic() - began_s > 0.2
    finally:
        os.close(descriptor)
    assert len(ledger.history()) == 1


def test_writers_wait_longer_than_the_time_out_while_the_queue_moves(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 1.5)  # five turns, on a machine that is not busy itself
    ledger = Ledger.open(url_of(tmp_path), "study")

    def write_slowly(number):
        with ledger.writing() as connection:
            time.sleep(0.3)
            ledger.append(connection, **fields(number))

    def fields(number):
        return {"kind": "verdict", "sample_id": f"s{number}", "reader": "ann", "idempotency_key": f"key {number}"}

    began_s = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write_slowly, range(8)))
    assert time.monotonic() - began_s > 1.5
    assert len(ledger.history()) == 8
    assert [path.name for path in tmp_path.iterdir()] == ["review.db"]


def test_killed_writers_hold_nobody_up(tmp_path):
    ledger = Ledger.open(url_of(tmp_path), "study")
    num_told = 0
    for trial in range(3):
        arguments = [sys.executable, "-c", WRITER, url_of(tmp_path), f"r{trial}"]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as writer:
            num_told += len([writer.stdout.readline() for _ in range(3)])
            writer.send_signal(signal.SIGKILL)
            num_told += len(writer.stdout.read().split())
        began_s = time.monotonic()
        assert ledger.record(verdict(f"s{trial}"))
        assert time.monotonic() - began_s < 2
    assert ledger.verify_chain().sequence >= num_told + 3


HOLDER = """
import sys, time
from overread.review.ledger import Ledger
with Ledger.open(sys.argv[1], "study").writing():
    print("holds", flush=True)
    time.sleep(600)
"""


def test_a_writer_that_is_killed_while_it_holds_the_lock_hands_it_on_at_once(tmp_path):
    ledger = Ledger.open(url_of(tmp_path), "study")
    with subprocess.Popen([sys.executable, "-c", HOLDER, url_of(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"holds\n"
        began_s = time.monotonic()
        with pytest.raises(LedgerBusyError):
            ledger.record(verdict())
        assert sqlite.BUSY_TIMEOUT_S <= time.monotonic() - began_s < 2 * sqlite.BUSY_TIMEOUT_S
        holder.kill()
        holder.wait()
        began_s = time.monotonic()
        assert ledger.record(verdict())
        assert time.monotonic() - began_s < sqlite.BUSY_TIMEOUT_S
    assert ledger.verify_chain().sequence == 1


def test_a_read_only_study_is_read_with_its_log_and_refuses_verdicts(tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    leave_log(folder, "s1", "s2")
    with read_only(folder):
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        ledger = Ledger.open(url_of(folder), "study")
        assert [row.sample_id for row in ledger.history()] == ["s1", "s2"]
        ledger.verify_chain()
        with pytest.raises(ReadOnlyError, match="read-only"):
            ledger.record(verdict("s3"))
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def make_old_ledger(folder, tmp_path, monkeypatch):
    """One row, as the program of the first schema left it."""
    versions = tmp_path / "migrations" / "versions"
    shutil.copytree(Path(database.__file__).with_name("migrations"), tmp_path / "migrations")
    for newer in ("0002_keyed_chain.py", "0003_grade.py", "0004_accounts.py", "0005_assignments.py"):
        (versions / newer).unlink()
    with monkeypatch.context() as older:
        older.setattr(database, "__file__", str(tmp_path / "database.py"))
        older.setattr(database, "SCHEMA_REVISION", "0001")
        database.prepare(database.open_engine(url_of(folder)))
    with closing(sqlite3.connect(folder / "review.db")) as connection, connection:
        connection.execute(
            "INSERT INTO ledger VALUES ('study', 1, 'verdict', 's1', 'ann', 'a', 'b', 'b', 'accept', '', 'open', 'r', "
            "0.5, 1, '2026-01-02T03:04:05.000000+00:00', '0.1.0', 'key', '', ?, ?)",
            ("0" * 64, "0" * 64),
        )


def test_a_read_only_ledger_of_the_first_schema_is_read(tmp_path, monkeypatch):
    folder = tmp_path / "archive"
    folder.mkdir()
    make_old_ledger(folder, tmp_path, monkeypatch)
    with read_only(folder):
        ledger = Ledger.open(url_of(folder), "study")
        for _ in range(2):
            (row,) = ledger.history()
            assert (row.sample_id, row.chain, row.image_sha256) == ("s1", 1, "")
            with pytest.raises(ReadOnlyError, match="read-only"):
                ledger.record(verdict("s2"))


def test_a_study_on_a_full_disk_is_read_and_says_that_the_disk_is_full(tmp_path):
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=1m", "tmpfs") as folder:
        leave_log(folder, "s1")
        (folder / "review.db-shm").unlink()
        fill(folder)
        ledger = Ledger.open(url_of(folder), "study")
        for _ in range(2):  # the first failure leaves an empty -shm
            assert [row.sample_id for row in ledger.history()] == ["s1"]
            with pytest.raises(LedgerError, match="the disk is full; nothing was saved"):
                ledger.record(verdict("s2"))
        (folder / "filler").unlink()
        assert ledger.record(verdict("s2"))
        assert ledger.verify_chain().sequence == 2


def test_a_full_disk_stops_a_writer_that_has_the_file_open_and_no_row_is_lost(tmp_path):
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=1m", "tmpfs") as folder:
        ledger = Ledger.open(url_of(folder), "study")
        num_saved = 0
        with closing(sqlite3.connect(folder / "review.db")) as anchor, pytest.raises(LedgerError, match="disk is full"):
            anchor.execute("SELECT * FROM ledger").fetchall()
            while True:
                assert ledger.record(verdict(f"s{num_saved}", note="x" * 2000))
                num_saved += 1
        assert num_saved > 10
        assert ledger.verify_chain().sequence == num_saved
        with pytest.raises(LedgerError, match="disk is full"):
            ledger.record(verdict("one more", note="x" * 100_000))
        assert len(ledger.history()) == num_saved


def test_an_old_schema_on_a_full_disk_is_read_and_migrated_once_there_is_room(tmp_path, monkeypatch):
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=1m", "tmpfs") as folder:
        make_old_ledger(folder, tmp_path, monkeypatch)
        fill(folder)
        ledger = Ledger.open(url_of(folder), "study")
        for _ in range(2):
            assert [row.sample_id for row in ledger.history()] == ["s1"]
            with pytest.raises(LedgerError, match="disk is full"):
                ledger.record(verdict("s2"))
        (folder / "filler").unlink()
        assert ledger.record(verdict("s2"))
        assert [row.sample_id for row in ledger.history()] == ["s1", "s2"]


def test_what_is_added_elsewhere_to_a_read_only_study_is_read_too(tmp_path):
    folder, view = tmp_path / "study", tmp_path / "view"
    folder.mkdir()
    view.mkdir()
    ledger = Ledger.open(url_of(folder), "study")
    ledger.record(verdict("s1"))
    with mounted(view, "--bind", folder):
        subprocess.run(["mount", "-o", "remount,bind,ro", view], check=True)
        seen = Ledger.open(url_of(view), "study")
        assert len(seen.history()) == 1
        ledger.record(verdict("s2"))
        assert len(seen.history()) == 2


COPIED = """
import sys
from overread.review import read_copy
from overread.review.ledger import Ledger
print(len(Ledger.open(sys.argv[1], "study").history()))
print(read_copy._copies[next(iter(read_copy._copies))].path)
"""


def test_copies_are_private_and_gone_with_the_process(tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    leave_log(folder, "s1")
    (folder / "review.db-shm").unlink()  # without it SQLite cannot read in this place
    with read_only(folder):
        program = [sys.executable, "-c", COPIED, url_of(folder)]
        num_rows, copy = subprocess.run(program, capture_output=True, text=True, check=True).stdout.split()
    assert num_rows == "1"
    assert not Path(copy).parent.parent.exists()


def test_a_ledger_is_not_made_where_it_would_not_last_unless_that_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.delenv(EPHEMERAL_VARIABLE)
    with pytest.raises(LedgerError, match="pass --ephemeral"):
        Ledger.open(url_of(tmp_path), "study")
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv(EPHEMERAL_VARIABLE, "1")
    Ledger.open(url_of(tmp_path), "study").record(verdict())
    monkeypatch.delenv(EPHEMERAL_VARIABLE)
    assert Ledger.open(url_of(tmp_path), "study").record(verdict("s2"))  # one that is there stays in use


@pytest.mark.parametrize("folder", ["/tmp", "/var/tmp/x", "/dev/shm/studies", "/run/user/1000"])
def test_temporary_folders_are_known(folder):
    assert sqlite.is_temporary(Path(folder))


def test_a_lasting_folder_is_no_temporary_one():
    assert not sqlite.is_temporary(Path("/srv/studies"))
