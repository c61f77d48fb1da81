"""The Train page, driven from the entry file."""

import json
import subprocess
import sys
import time

import pytest

from app import processes
from core.datasets.runs import find_runs, running_training
from tests.app.conftest import open_page, page_text
from tests.app.made_study import RUN

TRAINING = """
import json, signal, sys, time
from core.datasets.runs import training_lock
from core.datasets.study import open_study
study, name = open_study(sys.argv[1]), "20260103T000000-quick-1"
path = study.runs_path / name
with training_lock(study, name):
    path.mkdir()
    (path / "config.json").write_text("{}")
    progress = (path / "progress.jsonl").open("a")
    def emit(**event):
        progress.write(json.dumps(event) + "\\n")
        progress.flush()
    def stop(*_):
        emit(event="cancel", elapsed_s=3)
        sys.exit(0)
    signal.signal(signal.SIGTERM, stop)
    emit(event="epoch", phase="warmup", epoch=2, num_done=8, num_epochs=32, loss=0.9, remaining_s=61, elapsed_s=2)
    time.sleep(60)
"""
"""What a training is to the page: a process that holds the lock, writes its progress, and ends on SIGTERM."""


@pytest.fixture
def training(made_study):
    process = subprocess.Popen([sys.executable, "-c", TRAINING, str(made_study.path)], cwd=processes.ROOT)
    deadline = time.monotonic() + 20
    while not any(run.events() for run in find_runs(made_study)[1:]) and time.monotonic() < deadline:
        time.sleep(0.05)
    yield process
    process.kill()
    process.wait()


def test_a_finished_run_is_listed_with_what_it_came_to(app, made_study):
    open_page(app, "train")
    text = page_text(app)
    assert "2 January 2026, 03:04 UTC · quick · seed 0" in text
    assert "finished · 8 proposals · took 45 s · shown on all pages" in text


def test_a_training_of_another_process_is_shown_and_can_be_cancelled(app, made_study, training):
    open_page(app, "train")
    bar = app.get("progress")[0].proto
    assert (bar.value, bar.text) == (25, "warmup · epoch 8 of 32 · about 2 min left")
    assert "Start training" not in page_text(app)
    app.button("train_cancel").click().run()
    assert training.wait(timeout=10) == 0
    assert running_training(made_study) is None
    app.run()
    assert "cancelled · took 5 s" in page_text(app)
    assert "Resume" in page_text(app)


def test_the_form_starts_a_process_with_what_it_was_told(app, made_study, tmp_path, monkeypatch):
    # `core` here stands for a program that refuses: what it was told and what it says are both seen.
    (tmp_path / "core.py").write_text(
        "import json, sys\nprint(json.dumps(sys.argv[1:]))\nprint('error: busy_now')\nsys.exit(2)"
    )
    monkeypatch.setattr(processes, "ROOT", tmp_path)
    open_page(app, "train")
    app.number_input[0].set_value(7)
    app.number_input[3].set_value(90.0)
    next(button for button in app.button if button.label == "Start training").click().run()
    log = made_study.runs_path / "train.log"
    app.session_state[f"session_training_{made_study.ledger_study}"].wait(timeout=20)
    told = json.loads(log.read_text().splitlines()[0])
    assert told[:2] == ["train", str(made_study.path)]
    assert told[2:8] == ["--preset", "quick", "--seed", "7", "--device", "auto"]
    assert told[8] == "--set"
    name, _, value = told[9].partition("=")
    assert name == "rounds.max_loss"
    assert float(value) == pytest.approx(0.1053605, abs=1e-6)
    app.run()
    assert app.warning[0].value.replace("\\", "") == "busy_now"


def test_a_process_id_that_means_a_group_is_never_signalled(monkeypatch):
    sent = []
    monkeypatch.setattr(processes.os, "kill", lambda *arguments: sent.append(arguments))
    for process in (0, -1, 1):
        processes.stop_training(process)
    assert sent == []


def test_an_older_run_can_be_shown_on_all_pages(app, made_study):
    source, target = made_study.runs_path / RUN, made_study.runs_path / "20260104T000000-paper-3"
    target.mkdir()
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    open_page(app, "insights")
    assert "4 January 2026" in page_text(app)
    open_page(app, "train")
    app.button(f"train_show_{RUN}").click().run()
    open_page(app, "insights")
    assert "2 January 2026" in page_text(app)
