import os
import resource
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from overread.errors import ImageError
from overread.images import guarded
from overread.studies.study import open_study
from tests.core.commands import run_command
from tests.core.images.harmful_dicom import PIXELS, harmful
from tests.core.images.made_dicom import write_dicom
from tests.paths import ROOT


@pytest.fixture(autouse=True)
def _no_process_is_left():
    yield
    guarded.kill_idle()


def test_a_call_returns_what_the_function_returns_and_the_process_is_kept():
    assert guarded.call(os.getpid) == guarded.call(os.getpid) != os.getpid()


def test_arrays_come_back_to_the_bit():
    values = np.random.default_rng(0).normal(size=(500, 700))
    assert (guarded.call(partial(np.asarray, values)) == values).all()


def test_calls_of_many_threads_get_their_own_results():
    results = {}

    def work(number):
        results[number] = guarded.call(partial(pow, number, 2))

    threads = [threading.Thread(target=work, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: number**2 for number in range(8)}


def test_what_takes_too_long_is_killed(monkeypatch):
    process = guarded.call(os.getpid)
    monkeypatch.setattr(guarded, "MAX_SECONDS", 0.3)
    start = time.monotonic()
    with pytest.raises(ImageError, match=r"^it takes too long to read \(over 0\.3 s\)$"):
        guarded.call(partial(time.sleep, 60))
    assert time.monotonic() - start < 5
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_what_is_stopped_is_killed():
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    start = time.monotonic()
    with pytest.raises(ImageError, match=r"^its reading was stopped$"):
        guarded.call(partial(time.sleep, 60), stop=stop)
    assert time.monotonic() - start < 5


def test_too_much_memory_and_a_death_are_image_errors_and_the_next_call_is_well():
    with pytest.raises(ImageError, match=r"^it takes too much memory to read$"):
        guarded.call(partial(bytearray, guarded.MAX_BYTES))
    with pytest.raises(ImageError, match=r"^the file is damaged$"):
        guarded.call(partial(os.abort))
    assert guarded.call(partial(pow, 2, 3)) == 8


def test_a_process_that_died_while_it_waited_is_replaced():
    process = guarded.call(os.getpid)
    os.kill(process, signal.SIGKILL)
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
    assert guarded.call(os.getpid) not in (process, os.getpid())


def test_the_process_may_ask_for_no_more_than_its_memory():
    assert guarded.call(partial(resource.getrlimit, resource.RLIMIT_AS))[0] <= guarded.MAX_BYTES


def _write_source(folder: Path, harm: dict[str, int]) -> None:
    """Two classes of five good files, and one harmful file of each kind in the first."""
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for number in range(5):
            write_dicom(folder / name / f"{number}.dcm", rng.integers(0, 4096, PIXELS.shape).astype(np.uint16))
    for kind, num in harm.items():
        path = harmful(kind, folder.parent, num)
        path.rename(folder / "cat" / f"{kind.replace(' ', '-')}.dcm")


def test_an_import_goes_on_where_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(guarded, "MAX_SECONDS", 600)  # by the clock, which on a busy machine tells nothing
    _write_source(tmp_path / "source", {"a deflated tail of zeros": 4_000_000, "zeros": 500, "tiny elements": 110_000})
    ended = run_command("import", tmp_path / "source", "--study", tmp_path / "study", "--image-size", 32)
    assert ended.status == 0, ended.err
    study = open_study(tmp_path / "study")
    assert len(study.samples()) == 11
    quarantine = (tmp_path / "study" / "quarantine.csv").read_text()
    assert "too large (over 536 MB when inflated)" in quarantine
    assert "tiny" not in quarantine


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_import_while_a_harmful_file_is_read(sign, tmp_path):
    _write_source(tmp_path / "source", {"a long window": 10**7})
    command = [sys.executable, "-m", "core", "import", tmp_path / "source", "--study", tmp_path / "study"]
    begun = time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        children = Path(f"/proc/{program.pid}/task")
        end = begun + 120
        while not (found := _guarded_processes(children)):
            assert program.poll() is None and time.monotonic() < end, program.communicate()
            time.sleep(0.1)
        while _processor_s(found) < 1:  # then it has begun to read
            assert program.poll() is None and time.monotonic() < end, program.communicate()
            time.sleep(0.05)
        assert _guarded_processes(children) == found
        start = time.monotonic()
        most_s = max(5, start - begun)  # on a busy machine, all takes as much longer as its beginning did
        program.send_signal(sign)
        _, err = program.communicate(timeout=25 + most_s)
        assert time.monotonic() - start < most_s
    assert program.returncode == 1
    assert err.splitlines()[-1] == "stopped"
    for process in found:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def _guarded_processes(tasks: Path) -> list[int]:
    """The processes that a program's threads have started."""
    return sorted(int(child) for path in tasks.glob("*/children") for child in path.read_text().split())


def _processor_s(processes: list[int]) -> float:
    """The processor's time that these processes have taken (proc(5): utime and stime, in ticks)."""
    fields = (Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split() for process in processes)
    return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")
