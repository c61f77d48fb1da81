"""How fast this computer trains: a short trial in a process of its own, kept with the study, and earlier runs."""

from dataclasses import replace

from overread.config import settings_from_dict
from overread.images.cache.pixel_cache import INDEX
from overread.pipeline.training_time import Speed, TimeEstimate, corrected_speed, estimate_time, this_machine
from overread.studies.run import Run, find_runs
from overread.studies.study import Study
from overread_app import processes, session

MAX_RUNS = 3
"""The newest finished runs that correct the trial."""
LOG = "speed.log"


def known_speed(study: Study) -> Speed | None:
    """What the trial measured, corrected by the newest runs; None while nothing is known of this computer."""
    speed = Speed.from_dict(processes.result_of(study.runs_path / LOG))
    if speed is None or speed.machine != this_machine(study):
        return None
    finished = [run for run in find_runs(study) if run.is_finished]
    for run in finished[-MAX_RUNS:]:
        speed = corrected_speed(speed, run)
    return speed


def is_measuring(study: Study) -> bool:
    """Whether this session's trial is under way."""
    process = session.get(_name(study))
    return process is not None and process.poll() is None


def measure_once(study: Study) -> None:
    """Start the trial, once in a session. A study without a pixel cache, or on a read-only disk, goes without."""
    if session.get(f"{_name(study)}_asked") or not (study.pixels_path / INDEX).is_file():
        return
    session.put(f"{_name(study)}_asked", True)
    try:
        process = processes.start_speed_trial(study.path, log=study.runs_path / LOG)
    except OSError:
        return
    session.put(_name(study), process)


def run_estimate(study: Study, run: Run) -> TimeEstimate | None:
    """The time of the whole of a run, by its own settings; None where they or the speed are not known."""
    speed, config = known_speed(study), run.config()
    if speed is None or "settings" not in config or config.get("device") != speed.device:
        return None
    if config.get("after_review"):  # it has the features of the run before
        speed = replace(speed, features_s=0.0)
    return estimate_time(settings_from_dict(config["settings"]), speed, int(config["num_samples"]))


def _name(study: Study) -> str:
    return f"speed_{study.ledger_study}"
