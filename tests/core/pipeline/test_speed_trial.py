"""The trial of this computer's speed, and the command that shows it."""

import json

import pytest

from overread.config import PRESETS
from overread.pipeline import speed_trial
from overread.pipeline.training_time import Speed, estimate_preset, this_machine
from overread.studies.run import find_runs
from tests.core.commands import run_command


def test_the_trial_measures_all_that_any_preset_needs_and_leaves_no_run(study):
    ended = run_command("estimate", study.path, "--device", "cpu", "--json")
    assert ended.status == 0
    speed = Speed.from_dict(json.loads(ended.out))
    assert (speed.device, speed.num_images, speed.machine) == ("cpu", 72, this_machine(study))
    for preset in PRESETS:
        estimate = estimate_preset(study, speed, preset)
        assert estimate.epochs_s > 0
    thorough = estimate_preset(study, speed, "overread")
    assert 0 < thorough.features_s < thorough.first_s < thorough.total_s
    assert find_runs(study) == []


def test_the_times_are_told_in_words(study, monkeypatch):
    speed = Speed(
        *("here", "cpu", "", 2, False, 60, 0.0, 0.9),
        start_s=5.0,
        epoch_s={"narrow 32 fp32": 0.01, "narrow 32 bf16": 0.01},
        scoring_s=0.1,
    )
    monkeypatch.setattr(speed_trial, "measure_speed", lambda *_, **__: speed)
    told = run_command("estimate", study.path).out.splitlines()
    # 5 + 54 + 6 s; then a trial of 5.3 epochs, 62 epochs' worth of 0.6 s, and 6 s.
    assert told[1].split("overread")[1].strip() == "first proposals after about 1.1 min; all of it at most 1.9 min"
    assert told[2].split() == ["paper", "about", "1.0", "min"]


@pytest.mark.slow
def test_duplicates_that_are_known_take_no_time(study):
    assert speed_trial.measure_speed(study, device="cpu").pictures_s == 0
    (study.path / "groups.digest").unlink()
    assert speed_trial.measure_speed(study, device="cpu").pictures_s > 0
