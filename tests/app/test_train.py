"""The Train page, driven from the entry file."""

import json
import shutil
import subprocess
import sys
import time

import pytest

from overread.images.cache.pixel_cache import INDEX
from overread.pipeline.study_ledger import open_ledger
from overread.pipeline.training_time import this_machine
from overread.studies.run import Run, default_run, find_runs, running_training
from overread_app import processes
from overread_app.components.training_panel import log_lines
from overread_app.processes import STUDIES_VARIABLE
from tests.app.conftest import open_page, page_text
from tests.app.made_study import RUN, write_study
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
    emit(event="epoch", phase="warmup", epoch=2, num_done=8, num_epochs=32, loss=0.9, remaining_s=115, elapsed_s=2)
    time.sleep(600)
"""
"""What a training is to the page: a process that holds the lock, writes its progress, and ends on SIGTERM."""


@pytest.fixture
def training(made_study):
    deadline = time.monotonic() + 60
    with subprocess.Popen([sys.executable, "-c", TRAINING, str(made_study.path)], cwd=ROOT) as process:
        try:
            while not any(run.events() for run in find_runs(made_study)[1:]):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield process
        finally:
            process.kill()


def test_a_finished_run_is_listed_with_what_it_came_to(app, made_study):
    open_page(app, "train")
    text = page_text(app)
    assert "2 January 2026, 03:04 UTC · quick · seed 0" in text
    assert "finished · 8 proposals · took 45 s · shown on all pages" in text


def test_a_training_of_another_process_is_shown_and_can_be_stopped(app, made_study, training):
    open_page(app, "train")
    text = app.get("progress")[0].proto.text
    assert text.startswith("**Learning from the given labels** · ")
    assert text.endswith("% · about 2 minutes left")
    assert "Start training" not in page_text(app)
    app.button("train_stop").click().run()
    assert training.wait(timeout=60) == 0
    assert running_training(made_study) is None
    app.run()
    assert "The training was stopped." in page_text(app)
    assert "Start training" in page_text(app)


def test_the_bar_says_what_a_training_does_between_its_epochs(app, made_study, training):
    run = find_runs(made_study)[-1]
    for event, words in (("features", "Looking at every image"), ("scoring", "Scoring every label")):
        with run.progress_path.open("a") as file:
            file.write(json.dumps({"event": event, "fraction": 0.4, "elapsed_s": 3}) + "\n")
        open_page(app, "train")
        assert app.get("progress")[0].proto.text.startswith(f"**{words}** · ")


def test_the_first_proposals_of_a_training_lead_to_their_review(app, made_study, training):
    open_page(app, "train")
    assert "can be reviewed" not in page_text(app)
    with find_runs(made_study)[-1].progress_path.open("a") as file:
        file.write(json.dumps({"event": "first", "num_proposed": 37, "elapsed_s": 3}) + "\n")
    open_page(app, "train")
    assert "37 proposals can be reviewed; training continues." in page_text(app)
    assert [link.proto.label for link in app.main.get("page_link")] == ["Review"]


UNFINISHED = "20260103T000000-quick-1"


def write_unfinished(study, last, *, log=""):
    """A run that ended at half of its epochs with the event `last`, and what its command printed."""
    path = study.runs_path / UNFINISHED
    path.mkdir()
    (path / "config.json").write_text('{"num_samples": 48}')
    epoch = {"event": "epoch", "phase": "warmup", "epoch": 2, "num_done": 16, "num_epochs": 32, "loss": 0.9}
    events = [{**epoch, "remaining_s": 61, "elapsed_s": 2}, *([last] if last else [])]
    (path / "progress.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    (study.runs_path / "train.log").write_text(log)


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ({"event": "cancel"}, ["The training was stopped."]),
        (None, ["ended before it was done", "switched off or ran out of memory"]),
        ({"event": "fail", "cause": "memory"}, ["The training failed.", "ran out of memory", "Close other programs"]),
        ({"event": "fail", "cause": "gpu_memory"}, ["graphics card ran out of memory", "start again on the processor"]),
        ({"event": "fail", "cause": "disk_full"}, ["The disk is full.", "Free some space"]),
        ({"event": "fail", "cause": "images"}, ["can no longer be read", "Put the files back"]),
        ({"event": "fail", "message": "KeyError"}, ["Something unexpected went wrong.", "Continue once."]),
    ],
)
def test_a_training_that_did_not_finish_says_why_and_what_to_do_and_goes_on(app, made_study, last, said):
    write_unfinished(made_study, last and {**last, "elapsed_s": 3})
    open_page(app, "train")
    text = page_text(app)
    assert all(words in text for words in said)
    assert "% is done and kept" in text
    assert "Start training" in text
    assert app.button(f"train_resume_{UNFINISHED}").label == "Continue"


@pytest.mark.parametrize(
    ("event", "said"),
    [("finish", "The training ended at the first proposals."), ("cancel", "The training was stopped.")],
)
def test_a_training_without_its_second_step_can_be_reviewed_and_goes_on(app, made_study, commands, event, said):
    (made_study.runs_path / RUN / "checkpoint").mkdir()
    with Run(made_study.runs_path / RUN).progress_path.open("a") as file:
        file.write(json.dumps({"event": event, "elapsed_s": 50}) + "\n")
    open_page(app, "train")
    text = page_text(app)
    assert said in text
    assert "Its first proposals can be reviewed. Continuing refines them." in text
    assert "finished · 8 proposals" in text
    app.button(f"train_resume_{RUN}").click().run()
    assert commands()[-1] == ["train", str(made_study.path), "--resume", "--json"]


def test_a_full_disk_is_told_even_if_the_training_could_not_write_so(app, made_study, monkeypatch):
    write_unfinished(made_study, None)
    disk = shutil.disk_usage(made_study.path)._replace(free=2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: disk)
    open_page(app, "train")
    assert "The disk is full." in page_text(app)


def test_what_a_training_refused_is_said_in_its_own_words_without_a_path(app, made_study):
    refused = {"event": "fail", "cause": "refused", "elapsed_s": 3}
    write_unfinished(made_study, refused, log=f"Traceback: x\nerror: {made_study.path}: lower the rate\n")
    open_page(app, "train")
    assert "study: lower the rate" in page_text(app).replace("\\", "")
    assert str(made_study.path) not in page_text(app)


def test_continue_resumes_the_run(app, made_study, commands):
    write_unfinished(made_study, {"event": "cancel", "elapsed_s": 3})
    open_page(app, "train")
    app.button(f"train_resume_{UNFINISHED}").click().run()
    assert commands()[-1] == ["train", str(made_study.path), "--resume", "--json"]


def test_the_log_is_folded_and_holds_each_step_with_its_time(made_study):
    start = {"event": "start", "phases": [{"name": "fold 1"}, {"name": "fold 2"}], "elapsed_s": 4}
    epoch = {"event": "epoch", "phase": "fold 2", "epoch": 3, "loss": 0.5, "elapsed_s": 71.2}
    pictures = [{"event": "pictures", "fraction": fraction, "elapsed_s": 1} for fraction in (0.1, 0.2, 0.3)]
    assert log_lines([*pictures, start, epoch, {"event": "note", "message": "so", "elapsed_s": 72}]) == [
        "  0:01  Looking for near-identical images",
        "  0:04  Images and labels are ready",
        "  1:11  Comparing labels: 2 of 2, pass 3, loss 0.500",
        "  1:12  so",
    ]


REFUSING = """
import json, sys
with open({!r}, "a") as file:
    print(json.dumps(sys.argv[1:]), file=file)
print("error: busy_now")
sys.exit(2)
"""


@pytest.fixture
def commands(made_study, tmp_path, monkeypatch):
    """`overread` stands for a program that refuses; what was asked of it, once it has ended."""
    folder = tmp_path / "commands"
    folder.mkdir()
    (folder / "overread.py").write_text(REFUSING.format(str(folder / "asked")))
    monkeypatch.setattr(processes, "COMMANDS_PATH", folder)

    started, start = [], processes._start

    def kept(*arguments, **options):
        started.append(start(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(processes, "_start", kept)

    def asked():
        for process in started:
            process.wait(timeout=20)
        return [json.loads(line) for line in (folder / "asked").read_text().splitlines()] if started else []

    yield asked
    asked()


def test_the_form_starts_a_process_with_what_it_was_told(app, made_study, commands):
    open_page(app, "train")
    app.radio("train_preset").set_value("quick")
    app.number_input("train_seed").set_value(7)
    app.number_input("train_confidence").set_value(90.0)
    app.checkbox("train_raters").check()
    app.button("train_start").click().run()
    warnings = list(app.warning)
    told = next(each for each in commands() if each[0] == "train")
    app.run()
    warnings += app.warning  # it is said once, in whichever of the two runs the process had ended
    assert told[1:8] == [str(made_study.path), "--preset", "quick", "--seed", "7", "--device", "auto"]
    assert told[8:10] == ["--set", "refinement.use_raters=true"]
    assert told[10] == "--set"
    name, _, value = told[11].partition("=")
    assert name == "rounds.max_loss"
    assert float(value) == pytest.approx(0.1053605, abs=1e-6)
    assert "busy_now" in [warning.value.replace("\\", "") for warning in warnings]


def test_the_trial_of_the_computers_speed_starts_by_itself_once(app, made_study, commands):
    write_cache(made_study)
    open_page(app, "train")
    assert commands() == [["estimate", str(made_study.path), "--json"]]
    app.run()
    assert len(commands()) == 1
    assert "About" not in " ".join(app.radio("train_preset").proto.captions)


SPEED = {"machine": "", "device": "cpu", "gpu": "", "num_threads": 2, "has_bf16": False, "num_images": 48}


def write_cache(study):
    """As much of a pixel cache as tells that there is one."""
    study.pixels_path.mkdir()
    (study.pixels_path / INDEX).touch()


def write_speed(study, **changed):
    rates = {"pictures_s": 0.0, "features_s": 1.0, "epoch_s": {"narrow 32 fp32": 0.1}}
    speed = SPEED | rates | {"machine": this_machine(study)} | changed
    (study.runs_path / "speed.log").write_text(json.dumps(speed) + "\n")


def captions(app):
    return list(app.radio("train_preset").proto.captions)


def test_each_preset_tells_what_it_is_for_and_how_long_it_takes_here(app, made_study):
    write_speed(made_study)
    open_page(app, "train")
    thorough, quick, paper = captions(app)
    # Quick: 20 epochs of two views, 5 of warm-up and 18 of rounds, and nearly nothing for the scores: 48 x 69 x 0.1 s.
    assert quick.endswith("  \nAbout 6 minutes on this computer.")
    # The paper's 30 epochs: 48 x 92 x 0.1 s. Overread's features: 48 x 1 s; a trial of 5.3 epochs, and 62 more.
    assert paper.endswith("  \nAbout 8 minutes on this computer.")
    assert thorough.endswith("  \nFirst proposals after about 50 seconds; all of it at most 7 minutes.")
    assert "48 images" in page_text(app)
    assert "2 cores in use" in page_text(app)
    app.number_input("train_pretrain").set_value(40).run()
    assert captions(app)[1].endswith("  \nAbout 10 minutes on this computer.")
    app.selectbox("train_device").set_value("cuda").run()
    assert "About" not in " ".join(captions(app))


@pytest.mark.parametrize("changed", [{"machine": "another"}, {"num_images": 47}])
def test_a_speed_of_another_computer_or_of_other_images_is_measured_again(app, made_study, commands, changed):
    write_speed(made_study, **changed)
    write_cache(made_study)
    open_page(app, "train")
    assert commands() == [["estimate", str(made_study.path), "--json"]]


def test_a_study_without_a_run_has_the_form_alone(app, tmp_path, monkeypatch):
    study = write_study(tmp_path / "new", has_run=False)
    monkeypatch.setenv(STUDIES_VARIABLE, json.dumps([str(study.path)]))
    study.runs_path.mkdir()
    write_speed(study)
    open_page(app, "train")
    assert "None yet." in page_text(app)
    assert "Start training" in page_text(app)
    assert not any("Compare" in expander.label for expander in app.expander)


def test_a_training_of_another_user_is_not_stopped_and_the_page_says_why(app, made_study, training, monkeypatch):
    def refuse(*_):
        raise PermissionError

    open_page(app, "train")
    with monkeypatch.context() as patch:
        patch.setattr(processes.os, "kill", refuse)
        app.button("train_stop").click().run()
    app.run()  # as the page does by itself every second
    assert [error.value for error in app.error] == [
        "this training was started by another user of this computer; only they or an administrator can stop it"
    ]
    assert not app.button("train_stop").disabled
    assert training.poll() is None


def test_a_process_id_that_means_a_group_is_never_signalled(monkeypatch):
    sent = []
    monkeypatch.setattr(processes.os, "kill", lambda *arguments: sent.append(arguments))
    for process in (0, -1, 1):
        processes.stop_training(process, actor=None)
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


def test_training_after_review_is_offered_once_a_label_is_decided(app, made_study, commands):
    open_page(app, "train")
    assert "After review" not in page_text(app)
    ledger = open_ledger(made_study)
    for verdict in verdicts(made_study, reader="Dr. Doe", number=2):
        ledger.record(verdict)
    open_page(app, "train")
    assert "2 labels have been decided" in page_text(app)
    assert "Doe" not in page_text(app)
    app.button("train_after_review").click().run()
    told = next(each for each in commands() if each[0] == "train")
    assert told[2:5] == ["--after-review", "--run", RUN]
