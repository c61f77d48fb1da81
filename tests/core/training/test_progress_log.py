import json

import pytest

from overread.phases import Phase, PhaseKind
from overread.studies.run import Run
from overread.training import progress_log as module
from overread.training.progress_log import ProgressLog

PHASES = (Phase(PhaseKind.PRETRAIN, 2, cost=3.0), Phase(PhaseKind.WARMUP, 2), Phase(PhaseKind.ROUND, 4, 0))
"""12 units of work in 8 epochs."""


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now_s = 100.0

        def monotonic(self):
            return self.now_s

    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_remaining_time_is_what_the_epochs_cost_at_the_rate_so_far(tmp_path, clock):
    progress = ProgressLog(tmp_path / "progress.jsonl", PHASES)
    clock.now_s += 30  # 10 s a unit
    progress.epoch(0, 1, loss=4.5)
    clock.now_s += 30
    progress.epoch(0, 2, loss=4.0)
    clock.now_s += 10
    progress.epoch(1, 1, loss=1.0)
    clock.now_s += 50
    progress.epoch(2, 4, loss=0.5)
    first, second, third, last = lines(tmp_path / "progress.jsonl")
    assert first == {
        "event": "epoch",
        "phase": "pretrain",
        "epoch": 1,
        "num_done": 1,
        "num_epochs": 8,
        "loss": 4.5,
        "remaining_s": 90.0,
        "elapsed_s": 30.0,
    }
    assert (second["num_done"], second["remaining_s"]) == (2, 60.0)
    assert (third["phase"], third["epoch"], third["num_done"], third["remaining_s"]) == ("warmup", 1, 3, 50.0)
    assert (last["num_done"], last["remaining_s"], last["elapsed_s"]) == (8, 0.0, 120.0)


def test_after_a_resume_only_the_epochs_of_this_process_count(tmp_path, clock):
    progress = ProgressLog(tmp_path / "progress.jsonl", PHASES)
    clock.now_s += 20
    progress.epoch(2, 2, loss=0.1)
    clock.now_s += 20
    progress.epoch(2, 3, loss=0.1)
    first, second = lines(tmp_path / "progress.jsonl")
    assert (first["num_done"], first["remaining_s"]) == (6, 40.0)
    assert second["remaining_s"] == 20.0


def test_the_start_tells_the_plan(tmp_path, clock):
    ProgressLog(tmp_path / "progress.jsonl", PHASES).start(run="r", preset="quick", num_samples=12)
    assert lines(tmp_path / "progress.jsonl") == [
        {
            "event": "start",
            "run": "r",
            "preset": "quick",
            "phases": [
                {"name": "pretrain", "num_epochs": 2},
                {"name": "warmup", "num_epochs": 2},
                {"name": "round 1", "num_epochs": 4},
            ],
            "num_epochs": 8,
            "num_samples": 12,
            "elapsed_s": 0.0,
        }
    ]


def test_every_event_is_a_line_and_is_handed_on_and_earlier_lines_stay(tmp_path, clock):
    path, heard = tmp_path / "progress.jsonl", []
    path.write_text('{"event": "cancel"}\n')
    progress = ProgressLog(path, PHASES, heard.append)
    progress.emit("round", round=1, num_reliable=3)
    progress.emit("finish", num_proposed=0)
    assert lines(path) == [{"event": "cancel"}, *heard]
    assert [event["event"] for event in heard] == ["round", "finish"]


def test_the_time_that_features_from_elsewhere_took_is_not_asked_of_the_epochs(tmp_path, clock):
    progress = ProgressLog(tmp_path / "progress.jsonl", PHASES)
    for fraction in (0.5, 1.0):
        clock.now_s += 300
        progress.features(fraction)
    clock.now_s += 30
    progress.epoch(0, 1, loss=4.5)
    *features, epoch = lines(tmp_path / "progress.jsonl")
    assert features == [
        {"event": "features", "fraction": 0.5, "elapsed_s": 300.0},
        {"event": "features", "fraction": 1.0, "elapsed_s": 600.0},
    ]
    assert (epoch["remaining_s"], epoch["elapsed_s"]) == (90.0, 630.0)


def test_a_line_that_a_killed_run_left_half_written_takes_no_other_with_it(tmp_path):
    path = tmp_path / "progress.jsonl"
    path.write_text('{"event": "start"}\n{"event": "epo')
    ProgressLog(path).emit("start")
    assert [event["event"] for event in Run(tmp_path).events()] == ["start", "start"]
