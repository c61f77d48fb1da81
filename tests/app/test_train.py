"""The Train page, driven from the entry file."""

import json
import subprocess
import sys
import time

import pytest

from overread.pipeline.study_ledger import open_ledger
from overread.studies.run import Run, default_run, find_runs, running_training
from overread_app import processes
from tests.app.conftest import open_page, page_text
from tests.app.made_study import RUN
from tests.app.verdicts import verdicts
from tests.paths import ROOT

TRAINING = """
import json, signal, sys, time
from overread.studies.run import training_lock
from overread.studies.study import open_study
study, name = open_study(sys.argv[1]), "20260103T000000-quick-1"
path = study.runs_path / name
with training_lock(study, name):
    path.mkdir()
    (path / "config.json").write_text('{"num_samples": 48}')
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
    process = subprocess.Popen([sys.executable, "-c", TRAINING, str(made_study.path)], cwd=ROOT)
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


def test_the_bar_says_what_a_training_does_between_its_epochs(app, made_study, training):
    run = find_runs(made_study)[-1]
    for event, words in (("features", "Computing image features"), ("scoring", "Scoring every label")):
        with run.progress_path.open("a") as file:
            file.write(json.dumps({"event": event, "fraction": 0.4, "elapsed_s": 3}) + "\n")
        open_page(app, "train")
        bar = app.get("progress")[0].proto
        assert (bar.value, bar.text) == (40, f"{words} · 40%")


def test_the_form_starts_a_process_with_what_it_was_told(app, made_study, tmp_path, monkeypatch):
    # `overread` here stands for a program that refuses: what it was told and what it says are both seen.
    (tmp_path / "overread.py").write_text(
        "import json, sys\nprint(json.dumps(sys.argv[1:]))\nprint('error: busy_now')\nsys.exit(2)"
    )
    monkeypatch.setattr(processes, "COMMANDS_PATH", tmp_path)
    open_page(app, "train")
    app.number_input[0].set_value(7)
    app.number_input[3].set_value(90.0)
    app.checkbox[0].check()
    next(button for button in app.button if button.label == "Start training").click().run()
    log = made_study.runs_path / "train.log"
    process = app.session_state[f"session_training_{made_study.ledger_study}"]
    if process is not None:  # else it ended so soon that the page has told of it already
        process.wait(timeout=20)
        app.run()
    told = json.loads(log.read_text().splitlines()[0])
    assert told[:2] == ["train", str(made_study.path)]
    assert told[2:8] == ["--preset", "overread", "--seed", "7", "--device", "auto"]
    assert told[8:10] == ["--set", "refinement.use_raters=true"]
    assert told[10] == "--set"
    name, _, value = told[11].partition("=")
    assert name == "rounds.max_loss"
    assert float(value) == pytest.approx(0.1053605, abs=1e-6)
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


FIGURES = {
    "average_precision": {"before": 0.9, "after": 0.85, "low": -0.09, "high": 0.01},
    "brier": {"before": 0.1, "after": 0.15, "low": -0.02, "high": 0.11},
}


@pytest.fixture
def again(made_study):
    """A run after review beside the made one: worse, as far as 30 held-back labels tell."""
    source, target = made_study.runs_path / RUN, made_study.runs_path / "20260105T060000-overread-0"
    target.mkdir()
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    known = {"run": RUN, "num_pinned": 70, "num_excluded": 1}
    config = Run(source).config() | {"preset": "overread", "after_review": known}
    (target / "config.json").write_text(json.dumps(config))
    compared = {"outcome": "worse", "num_samples": 30, "num_wrong": 12, **FIGURES}
    (target / "comparison.json").write_text(json.dumps(compared))
    return Run(target)


def test_a_worse_run_after_review_is_told_of_and_not_shown_until_it_is_chosen(app, made_study, again):
    open_page(app, "train")
    text = page_text(app)
    assert "after review of 71 labels · not in use" in text
    assert "Worse than the previous run." in text
    assert "12 wrong and 18 right" in text
    assert "0.90 before, 0.85 now" in text
    assert "between -0.09 and +0.01" in text
    open_page(app, "insights")
    assert "2 January 2026" in page_text(app)
    open_page(app, "train")
    app.button(f"train_use_{again.name}").click().run()
    assert default_run(made_study).name == again.name
    assert "not in use" not in page_text(app)
    open_page(app, "insights")
    assert "5 January 2026" in page_text(app)


def test_the_old_run_can_be_kept_though_the_new_one_is_better(app, made_study, again):
    compared = json.loads((again.path / "comparison.json").read_text()) | {"outcome": "better"}
    (again.path / "comparison.json").write_text(json.dumps(compared))
    open_page(app, "train")
    assert "Better than the previous run." in page_text(app)
    assert "Use the new run" not in page_text(app)
    app.button(f"train_keep_{again.name}").click().run()
    assert default_run(made_study).name == RUN
    assert "not in use" in page_text(app)
    assert [button.key for button in app.button if "keep" in (button.key or "")] == []


def test_a_comparison_of_too_few_makes_no_claim(app, made_study, again):
    compared = {"outcome": "too_few", "num_samples": 4, "num_wrong": 1, "average_precision": None, "brier": None}
    (again.path / "comparison.json").write_text(json.dumps(compared))
    open_page(app, "train")
    assert "not in use" in page_text(app)
    text = page_text(app)
    assert "Too few decisions to compare it with the previous run." in text
    assert "1 are wrong and 3 are right" in text


def test_training_after_review_is_offered_once_a_label_is_decided(app, made_study, tmp_path, monkeypatch):
    (tmp_path / "overread.py").write_text("import json, sys\nprint(json.dumps(sys.argv[1:]))\nsys.exit(2)")
    monkeypatch.setattr(processes, "COMMANDS_PATH", tmp_path)
    open_page(app, "train")
    assert "After review" not in page_text(app)
    ledger = open_ledger(made_study)
    for verdict in verdicts(made_study, reader="Dr. Doe", number=2):
        ledger.record(verdict)
    open_page(app, "train")
    assert "2 labels have been decided" in page_text(app)
    assert "Doe" not in page_text(app)
    app.button("train_after_review").click().run()
    log = made_study.runs_path / "train.log"
    app.session_state[f"session_training_{made_study.ledger_study}"].wait(timeout=20)
    assert json.loads(log.read_text().splitlines()[0])[2:5] == ["--after-review", "--run", RUN]
