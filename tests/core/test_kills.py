"""Processes killed at any moment: no verdict that was said to be saved is lost or doubled, and no file is half there.

Twelve kills in the suite; OVERREAD_KILLS says how many otherwise.
"""

import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from overread.pipeline.backup import restore_study
from overread.pipeline.study_ledger import open_ledger
from overread.studies.study import open_study
from tests.core.commands import import_arguments, import_source, run_command

NUM_KILLS = int(os.environ.get("OVERREAD_KILLS", "12"))
KINDS = ("writer", "export", "backup", "update")
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


@pytest.mark.slow
def test_nothing_is_lost_by_kills_of_a_writer_an_export_a_backup_and_an_update(tmp_path):
    rng = random.Random(0)
    study = import_source(tmp_path)
    source, out = tmp_path / "source", tmp_path / "out"
    out.mkdir()
    acknowledged = set()
    for trial in range(NUM_KILLS):
        kind = KINDS[trial % len(KINDS)]
        writer = start("-c", WRITER, study.path, f"reader {trial}")
        told = [writer.stdout.readline() for _ in range(rng.randrange(1, 6))]
        other = None
        num_before = len(read_rows(study.samples_path))
        if kind == "export":
            other = start("-m", "core", "export", study.path, "--out", out / "cleaned.csv")
        elif kind == "backup":
            other = start("-m", "core", "backup", study.path, "--to", out / "saved", "--overwrite")
        elif kind == "update":
            name = f"scans/new-{trial}.png"
            Image.effect_noise((40, 40), 60).save(source / name)
            with (source / "labels-of-the-clinic.csv").open("a", newline="") as file:
                csv.writer(file).writerow([name, "cat", f"new {trial}", "train", ""])
            other = start("-m", "core", *import_arguments(source, study.path), "--update")
        time.sleep(rng.uniform(0.1, 3.0) if other else rng.uniform(0, 0.2))
        if other is not None:
            kill(other)
        told += kill(writer).splitlines(keepends=True)
        acknowledged |= {(f"reader {trial}", f"s{int(line)}") for line in told if line.endswith("\n")}

        found = open_study(study.path)
        ledger = open_ledger(found)
        ledger.verify_chain()
        rows = [(row.reader, row.sample_id) for row in ledger.history()]
        assert len(rows) == len(set(rows)), trial
        assert acknowledged <= set(rows), (trial, kind)
        assert len(rows) <= len(acknowledged) + trial + 1  # saved, and killed before it could be said
        # One generation, before the update or after it.
        num_samples = len(found.samples())
        assert num_samples + len(found.quarantine()) == len(found.source_table())
        assert num_samples >= num_before - 1
        if (out / "cleaned.csv").exists():
            assert len(read_rows(out / "cleaned.csv")) >= 74
            assert run_command("verify", study.path, "--against", out / "cleaned.csv").status == 0
        if (out / "saved").exists():
            shutil.rmtree(tmp_path / "restored", ignore_errors=True)
            assert restore_study(out / "saved", tmp_path / "restored").num_rows <= len(rows)
    assert run_command(*import_arguments(source, study.path), "--update").status == 0
    assert run_command("export", study.path, "--out", out / "last.csv").status == 0
    assert not list(study.path.glob(".*.tmp"))
