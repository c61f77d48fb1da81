"""How long a training takes, from made rates and made runs."""

import json
from dataclasses import asdict, replace

import pytest

from overread.config import preset_settings
from overread.errors import ConfigError
from overread.pipeline.training_time import (
    Speed,
    corrected_speed,
    elapsed_s,
    estimate_preset,
    estimate_time,
    network_key,
    this_machine,
)
from overread.studies.run import Run

NUM = 1000
SPEED = Speed(
    machine="here",
    device="cpu",
    gpu="",
    num_threads=1,
    has_bf16=False,
    num_images=NUM,
    pictures_s=0.01,
    features_s=0.02,
    start_s=3.0,
    epoch_s={"narrow 64 fp32": 0.001},
    scoring_s=0.004,
)


def settings_of(preset):
    return preset_settings(preset, device="cpu", has_bf16=False, cache_size_px=64, num_samples=NUM)


def test_the_overread_preset_takes_its_parts_times_the_images():
    found = estimate_time(settings_of("overread"), SPEED, NUM)
    assert (found.start_s, found.pictures_s, found.features_s) == (3.0, 10.0, 20.0)
    assert (found.first_scoring_s, found.scoring_s) == (4.0, 4.0)
    # A trial network of 8 epochs on two thirds; 20 epochs of two views, and three networks like the trial's.
    assert found.trial_s == pytest.approx(8 * 2 / 3)
    assert found.epochs_s == pytest.approx(20 * 2.3 + 3 * 8 * 2 / 3)
    assert found.first_s == pytest.approx(37.0)
    assert found.total_s == pytest.approx(37 + 8 * 2 / 3 + 62 + 4)


@pytest.mark.parametrize(
    ("speed", "assignments"),
    [({"device": "cuda"}, {}), ({}, {"condition": "always"})],
)
def test_networks_that_are_trained_in_any_case_are_not_tried(speed, assignments):
    settings = settings_of("overread")
    settings = replace(settings, cross_fitting=replace(settings.cross_fitting, **assignments))
    found = estimate_time(settings, replace(SPEED, **speed), NUM)
    assert (found.trial_s, found.first_s) == (0, 37)


def test_a_run_on_features_alone_has_one_step_and_one_on_simclrs_too():
    settings = settings_of("overread")
    alone = replace(settings, cross_fitting=replace(settings.cross_fitting, num_folds=0))
    found = estimate_time(alone, SPEED, NUM)
    assert (found.first_s, found.trial_s, found.epochs_s, found.scoring_s) == (None, 0, 0, 4)
    found = estimate_time(settings, replace(SPEED, features_s=None), NUM)
    assert (found.first_s, found.trial_s, found.features_s) == (None, 0, 0)
    assert found.epochs_s == pytest.approx(62)


def test_the_papers_loop_searches_nothing_and_scores_nothing():
    found = estimate_time(settings_of("paper"), SPEED, NUM)
    assert (found.pictures_s, found.features_s, found.first_s, found.scoring_s) == (0, 0, None, 0)
    assert found.epochs_s == pytest.approx(30 * 2.3 + 5 + 4 + 7 + 7)


def test_a_network_that_was_not_measured_has_no_estimate():
    assert estimate_time(settings_of("quick"), replace(SPEED, epoch_s={"resnet18 224 bf16": 1.0}), NUM) is None


def test_changed_settings_change_the_estimate(ready):
    speed = replace(SPEED, epoch_s={network_key(settings_of("quick")): 0.001, "narrow 32 fp32": 0.001})
    plain = estimate_preset(ready, speed, "quick")
    longer = estimate_preset(ready, speed, "quick", ["pretrain.num_epochs=30"])
    assert longer.epochs_s - plain.epochs_s == pytest.approx(10 * 2.3)
    with pytest.raises(ConfigError, match=r"--set refinement.use_raters"):
        estimate_preset(ready, speed, "quick", ["refinement.use_raters=maybe"])


def made_run(path, *, machine="here", device="cpu", preset="quick", epoch_s=2.0):
    """A run of 1,000 images whose every epoch of plain training took `epoch_s`."""
    path.mkdir()
    settings = settings_of(preset)
    config = {"machine": machine, "device": device, "num_samples": NUM, "settings": settings.to_dict()}
    (path / "config.json").write_text(json.dumps(config))
    time_s, events = 5.0, [{"event": "start", "elapsed_s": 5.0}]
    for fraction in (0.5, 1.0):
        time_s += 20.0
        events.append({"event": "features", "fraction": fraction, "elapsed_s": time_s})
    for phase, num_epochs, cost in (("pretrain", 20, 2.3), ("warmup", 5, 1), ("round 1", 4, 1)):
        for epoch in range(1, num_epochs + 1):
            time_s += cost * epoch_s
            events.append({"event": "epoch", "phase": phase, "epoch": epoch, "elapsed_s": time_s})
    for begin_s in (time_s, time_s + 500):  # the second time, after the networks, it is no measure
        events += [{"event": "scoring", "elapsed_s": begin_s}]
        events += [{"event": "scoring", "fraction": 1, "elapsed_s": begin_s + 9}, {"event": "first"}]
    (path / "progress.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return Run(path)


def test_a_run_on_this_computer_corrects_what_the_trial_measured(tmp_path):
    found = corrected_speed(SPEED, made_run(tmp_path / "run"))
    assert found.epoch_s["narrow 64 fp32"] == pytest.approx(0.002)
    assert found.features_s == pytest.approx(0.04)
    assert found.scoring_s == pytest.approx(0.009)
    assert (found.num_runs, found.pictures_s) == (1, SPEED.pictures_s)


@pytest.mark.parametrize("other", [{"machine": "there"}, {"device": "cuda"}])
def test_a_run_of_another_computer_or_device_corrects_nothing(tmp_path, other):
    assert corrected_speed(SPEED, made_run(tmp_path / "run", **other)) == SPEED


def test_time_does_not_run_while_a_training_is_stopped():
    times = [0.5, 12, 30, 1, 20, 0.2, 7]  # stopped at 30 s, and again at 20 s
    assert elapsed_s([{"event": "epoch", "elapsed_s": time} for time in times]) == 57
    assert elapsed_s([]) == 0


def test_a_speed_comes_back_from_json_and_anything_else_is_none():
    assert Speed.from_dict(json.loads(json.dumps(asdict(SPEED)))) == SPEED
    for other in ({}, {"fraction": 1}, asdict(SPEED) | {"epoch_s": 3}, asdict(SPEED) | {"unknown": 1}):
        assert Speed.from_dict(other) is None


def test_the_computers_name_is_hashed_under_the_studys_own_key(ready, study, monkeypatch):
    import platform

    name = this_machine(ready)
    assert platform.node() not in name
    assert this_machine(study) == name  # a copy, with the same key
    monkeypatch.setattr(platform, "node", lambda: "elsewhere")
    assert this_machine(ready) != name
