"""The trial of this computer's speed, and the command that shows it."""

import json

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
    assert estimate_preset(study, speed, "overread").features_s > 0
    assert find_runs(study) == []


def test_duplicates_that_are_known_take_no_time(study):
    assert speed_trial.measure_speed(study, device="cpu").pictures_s == 0
    (study.path / "groups.digest").unlink()
    assert speed_trial.measure_speed(study, device="cpu").pictures_s > 0
