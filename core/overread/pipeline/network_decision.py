"""Decides, after a run's first step, whether its networks are trained."""

import json
from typing import TYPE_CHECKING

import numpy as np

from overread.config import TrainSettings
from overread.detection.network_trial import NetworkTrial, try_network
from overread.files import write_atomically
from overread.phases import StageKind
from overread.studies.run import Run

if TYPE_CHECKING:
    from overread.training.engine import Training


def are_networks_worthwhile(run: Run, settings: TrainSettings, training: "Training") -> bool:
    """Whether the networks are to be trained: always on a GPU, where they cost little, where the settings ask for that,
    and where the run has no other features. On a CPU a trial decides, and the run's notes say how.

    The trial is one network, trained from nothing without the first fold; core/docs/results/experiments.md has what it
    said of five sets.
    """
    is_certain = settings.cross_fitting.condition == "always" or not training.folds or training.features is None
    if is_certain or training.data.device.type != "cpu" or training.checkpoint_path.is_file():
        return True
    path = run.path / "checkpoint" / "trial.json"
    if path.is_file():  # the run was killed after it
        trial = NetworkTrial(**json.loads(path.read_text(encoding="utf-8")))
    else:
        trial = _trial(run, settings, training)
        write_atomically(path, json.dumps({"gain": trial.gain, "standard_error": trial.standard_error}))
    is_worthwhile = trial.is_worthwhile(settings.cross_fitting.min_standard_errors)
    figures = f"changes the log-likelihood of held-out labels by {trial.gain:+.4f} nats each"
    figures += f" (standard error {trial.standard_error:.4f})"
    outcome = "networks are trained" if is_worthwhile else "networks are not worth their time, and are left out"
    training.progress.emit("note", message=f"A trial network {figures}: {outcome}.")
    return is_worthwhile


def _trial(run: Run, settings: TrainSettings, training: "Training") -> NetworkTrial:
    from overread.training.plain_training import trial_probs

    held_out = training.folds[0]
    network_probs = trial_probs(
        training.data,
        settings,
        held_out,
        seed=training.seed,
        on_progress=lambda fraction: training.progress.emit("trial", fraction=round(fraction, 4)),
    )
    trace = run.trace()
    (together,) = np.flatnonzero(trace["stage_names"] == StageKind.TOGETHER.value)
    probs = trace["stage_probs"][together][held_out].astype(np.float32)
    probs /= probs.sum(axis=1, keepdims=True)
    return try_network(probs, network_probs, training.data.given[held_out], settings.detection)
