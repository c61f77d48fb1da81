"""Processes killed at any moment: no verdict that was said to be saved is lost or doubled, and no file is half there.

Seven rounds on each database in the suite, each of which kills one or two processes; OVERREAD_KILLS says how many
otherwise.
"""

import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path

import httpx
import pytest
from PIL import Image

from overread.files import is_study
from overread.images.cache.pixel_cache import open_cache
from overread.pipeline.backup import restore_study
from overread.pipeline.study_ledger import open_ledger
from overread.studies.run import find_runs
from overread.studies.study import Study, open_study
from tests.app.reading.desk import Desk
from tests.app.test_start import free_port
from tests.core.commands import TINY, import_arguments, import_source, run_command
from tests.core.review.conftest import new_database, postgresql
from tests.paths import ROOT

__all__ = ("postgresql",)

NUM_ROUNDS = int(os.environ.get("OVERREAD_KILLS", "7"))
KINDS = ("writer", "export", "app", "backup", "training", "update", "import")
WRITER = """
import sys
from overread.studies.study import open_study
from overread.pipeline.study_ledger import open_ledger
from tests.core.review.verdicts import verdict
ledger = open_ledger(open_study(sys.argv[1]))
for number in range(100_000):
    ledger.record(verdict(f"s{number}", reader=sys.argv[2]))
    print(number, flush=True)
"""


def start(*arguments: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def kill(process: subprocess.Popen) -> str:
    """Kill it with all its children; what it had printed."""
    os.killpg(process.pid, signal.SIGKILL)
    return process.communicate()[0]


def read_rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def start_app(study: Path) -> tuple[subprocess.Popen, httpx.Client]:
    """The app as a user starts it, and a client of its routes."""
    port = free_port()
    process = start("-m", "app", study, "--port", port, "--no-browser")
    deadline_s = time.monotonic() + 120
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5)
        except OSError:
            time.sleep(0.1)
        else:
            break
    return process, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)


def decide_while_killed(study: Study, reader: str, rng: random.Random) -> set[tuple[str, str]]:
    """The app, killed while a reader decides sample after sample: what it said was saved."""
    process, client = start_app(study.path)
    saved = set()
    with client:
        desk = Desk(study, reader, client=client)
        samples = desk.queue(count=8)["samples"]
        num_kept = rng.randrange(1, 6)
        for number, packet in enumerate(samples):
            if number == num_kept:
                os.killpg(process.pid, signal.SIGKILL)
            try:
                response = desk.decide(packet, "reject")
            except httpx.HTTPError:
                break
            assert response.status_code == 200, response.text
            saved.add((reader, packet["id"]))
    kill(process)
    return saved


def start_other(kind: str, trial: int, study: Study, source: Path, out: Path) -> subprocess.Popen | None:
    match kind:
        case "export":
            return start("-m", "core", "export", study.path, "--out", out / "cleaned.csv")
        case "backup":
            return start("-m", "core", "backup", study.path, "--to", out / "saved", "--overwrite")
        case "training":
            return start("-m", "core", "train", study.path, "--preset", "quick", "--device", "cpu", *TINY)
        case "update":
            name = f"scans/new-{trial}.png"
            Image.effect_noise((40, 40), 60).save(source / name)
            with (source / "labels-of-the-clinic.csv").open("a", newline="") as file:
                csv.writer(file).writerow([name, "cat", f"new {trial}", "train", ""])
            return start("-m", "core", *import_arguments(source, study.path), "--update")
        case "import":
            return start("-m", "core", *import_arguments(source, out / "imported"))
    return None


def check_imported(source: Path, path: Path) -> None:
    """A study whose import was killed is there as a whole or not at all, and then is once it is imported again."""
    if not is_study(path):
        ended = run_command(*import_arguments(source, path))
        assert ended.status == 0, ended.err
    imported = open_study(path)
    num_rows = len(read_rows(source / "labels-of-the-clinic.csv")) - 1
    assert len(imported.samples()) + len(imported.quarantine()) == len(imported.source_table()) == num_rows
    cache = open_cache(imported.pixels_path)
    cache.verify()
    assert set(imported.samples()["sample_id"]) <= set(cache.keys)
    assert not list(path.parent.glob(f".{path.name}*"))
    shutil.rmtree(path)


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_nothing_is_lost_by_kills_of_all_that_writes(tmp_path, database, request, monkeypatch):
    if database == "postgresql":
        monkeypatch.setenv("OVERREAD_DATABASE", new_database(request.getfixturevalue("postgresql")))
    rng = random.Random(NUM_ROUNDS)
    study = import_source(tmp_path)
    source, out = tmp_path / "source", tmp_path / "out"
    out.mkdir()
    acknowledged: set[tuple[str, str]] = set()
    kills: Counter[str] = Counter()
    for trial in range(NUM_ROUNDS):
        kind = KINDS[trial % len(KINDS)]
        reader = f"reader {trial}"
        writer = start("-c", WRITER, study.path, reader)
        told = [writer.stdout.readline() for _ in range(rng.randrange(1, 6))]
        num_before = len(read_rows(study.samples_path))
        if kind == "app":
            acknowledged |= decide_while_killed(study, f"{reader} of the app", rng)
            kills["app"] += 1
        other = start_other(kind, trial, study, source, out)
        time.sleep(rng.uniform(0.1, 8.0 if kind == "training" else 3.0) if other else rng.uniform(0, 0.2))
        if other is not None:
            kill(other)
            kills[kind] += 1
        if kind == "import":
            check_imported(source, out / "imported")
        told += kill(writer).splitlines(keepends=True)
        kills["writer"] += 1
        acknowledged |= {(reader, f"s{int(line)}") for line in told if line.endswith("\n")}

        found = open_study(study.path)
        ledger = open_ledger(found)
        ledger.verify_chain()
        rows = [(row.reader, row.sample_id) for row in ledger.history()]
        assert len(rows) == len(set(rows)), trial
        assert acknowledged <= set(rows), (trial, kind)
        # Saved, and killed before it could be said.
        assert len(rows) <= len(acknowledged) + kills["writer"] + kills["app"]
        # One generation, before the update or after it.
        num_samples = len(found.samples())
        assert num_samples + len(found.quarantine()) == len(found.source_table())
        assert num_samples >= num_before - 1
        if (out / "cleaned.csv").exists():
            assert len(read_rows(out / "cleaned.csv")) >= 74
            assert run_command("verify", study.path, "--against", out / "cleaned.csv").status == 0
        if (out / "saved").exists() and database == "sqlite":
            shutil.rmtree(tmp_path / "restored", ignore_errors=True)
            assert restore_study(out / "saved", tmp_path / "restored").num_rows <= len(rows)
    assert run_command(*import_arguments(source, study.path), "--update").status == 0
    train = ("train", study.path, "--preset", "quick", "--device", "cpu")
    if any(not run.is_finished for run in find_runs(study)):
        ended = run_command(*train, "--resume")
        assert ended.status == 0 or "its samples have changed since" in ended.err, ended.err
    ended = run_command(*train, *TINY)
    assert ended.status == 0, ended.err
    assert run_command("export", study.path, "--out", out / "last.csv").status == 0
    assert not list(study.path.glob(".*.tmp"))
    print(f"{database}: {kills.total()} kills: {dict(kills)}; {len(acknowledged)} verdicts said to be saved, none lost")
