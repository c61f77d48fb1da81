"""How long a training takes on this computer: estimated from its speed, which a short trial or earlier runs give.

Nothing here imports torch, so the app may estimate; the trial is in `speed_trial`.
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise, takewhile
from typing import Any

from overread.config import TrainSettings, override_settings, preset_settings, settings_from_dict
from overread.phases import plan_phases
from overread.studies.run import Run
from overread.studies.study import Study, keyed_hash

SCORING_S = 0.002
"""Seconds an image takes to be scored, until a run has told: 1.1 to 3.5 s for 600 to 1,703 images on two cores."""
_MIN_EPOCHS = 3
"""Epochs of a run that tell its speed."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds for an image, by what is done with it, on one computer and device."""

    machine: str
    """A hash of the computer's name under the study's key."""
    device: str
    """cpu or cuda."""
    gpu: str
    """Its name; empty on a CPU."""
    num_threads: int
    """Processor cores that a training uses."""
    has_bf16: bool
    num_images: int
    """Of the study when it was measured."""
    pictures_s: float
    """The search for near-duplicates; 0 where it is done already."""
    features_s: float | None
    """The features of the encoder trained on ImageNet; None where it is not installed."""
    start_s: float = 0.0
    """Until the training begins: not for an image, but once."""
    epoch_s: Mapping[str, float] = field(default_factory=dict)
    """One epoch of plain training, by `network_key`."""
    scoring_s: float = SCORING_S
    num_runs: int = 0
    """Runs that corrected what the trial measured."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Speed | None":
        """What `dataclasses.asdict` gave, also after a way through JSON; None for anything else."""
        try:
            speed = cls(**values)
        except TypeError:
            return None
        return speed if isinstance(speed.epoch_s, dict) and isinstance(speed.machine, str) else None


@dataclass(frozen=True, slots=True)
class TimeEstimate:
    """Seconds for each part of a training, in order; 0 for a part that it does not have."""

    start_s: float
    pictures_s: float
    features_s: float
    first_scoring_s: float
    """By the features alone, where networks follow."""
    trial_s: float
    """The trial that decides whether they do; where it says no, the training ends with it."""
    epochs_s: float
    scoring_s: float

    @property
    def first_s(self) -> float | None:
        """Until the first proposals can be reviewed; None where they come at the end."""
        if not self.first_scoring_s:
            return None
        return self.start_s + self.pictures_s + self.features_s + self.first_scoring_s

    @property
    def total_s(self) -> float:
        """Where there is a trial: the longest it takes."""
        return sum(getattr(self, part.name) for part in fields(self))


def this_machine(study: Study) -> str:
    """This computer's name, hashed under the study's key: runs tell whether they were trained on it."""
    return keyed_hash(study.path, platform.node())


def network_key(settings: TrainSettings) -> str:
    """What the time of an epoch depends on besides the computer: narrow 64 bf16, resnet18 32 bf16 small."""
    model = settings.model
    stem = " small" if model.has_small_stem else ""
    return f"{model.encoder} {model.image_size_px} {model.precision}{stem}"


def estimate_time(settings: TrainSettings, speed: Speed, num_images: int) -> TimeEstimate | None:
    """The time of a training of so many images from its beginning; None where the speed of its network is not known."""
    epoch_s = speed.epoch_s.get(network_key(settings))
    if epoch_s is None:
        return None
    judges_features = bool(settings.refinement.num_folds)
    has_features = judges_features and settings.refinement.features == "imagenet" and speed.features_s is not None
    has_scores = judges_features or bool(settings.cross_validation.num_folds)
    scoring_s = num_images * speed.scoring_s if has_scores else 0.0
    fitting = settings.cross_fitting
    phases = plan_phases(settings, fitting.num_folds, has_features=has_features)
    has_trial = has_features and fitting.num_folds and fitting.condition == "auto" and speed.device == "cpu"
    trial_units = fitting.num_epochs * (1 - 1 / fitting.num_folds) if has_trial else 0.0
    return TimeEstimate(
        start_s=speed.start_s,
        pictures_s=num_images * speed.pictures_s if judges_features else 0.0,
        features_s=num_images * (speed.features_s or 0.0) if has_features else 0.0,
        first_scoring_s=scoring_s if has_features and phases else 0.0,
        trial_s=num_images * epoch_s * trial_units,
        epochs_s=num_images * epoch_s * sum(phase.num_epochs * phase.cost for phase in phases),
        scoring_s=scoring_s,
    )


def estimate_preset(study: Study, speed: Speed, preset: str, assignments: Sequence[str] = ()) -> TimeEstimate | None:
    """The time of a training with a preset and some settings changed (SECTION.FIELD=VALUE), as `train` would have it.
    Raises ConfigError for settings that do not fit."""
    settings = preset_settings(
        preset,
        device=speed.device,
        has_bf16=speed.has_bf16,
        cache_size_px=study.image_size_px,
        num_samples=speed.num_images,
    )
    return estimate_time(override_settings(settings, assignments), speed, speed.num_images)


def corrected_speed(speed: Speed, run: Run) -> Speed:
    """The speed with what a finished run took instead of what the trial measured; the same where the run is of another
    computer or device, or tells nothing."""
    config = run.config()
    if config.get("machine") != speed.machine or config.get("device") != speed.device or "settings" not in config:
        return speed
    settings, num_images, events = settings_from_dict(config["settings"]), int(config["num_samples"]), run.events()
    found: dict[str, Any] = {}
    if epoch_s := _epoch_s(events, settings, num_images):
        found["epoch_s"] = {**speed.epoch_s, network_key(settings): epoch_s}
    if seconds := _seconds_between(events, "features"):
        found["features_s"] = seconds / num_images
    if seconds := _seconds_between(events, "scoring"):
        found["scoring_s"] = seconds / num_images
    return replace(speed, **found, num_runs=speed.num_runs + 1) if found else speed


def elapsed_s(events: Sequence[Mapping[str, Any]]) -> float:
    """Seconds that a training took, or has taken so far, without the time between being stopped and resumed.

    events: of its progress.jsonl, whose clock starts anew when it is resumed.
    """
    times = [float(event.get("elapsed_s", 0)) for event in events]
    ends = [time for time, following in pairwise([*times, 0.0]) if following < time]
    return sum(ends)


def _epoch_s(events: list[dict[str, Any]], settings: TrainSettings, num_images: int) -> float | None:
    """Seconds for an image of one epoch of plain training, from the epochs after the first; None if there are few, or
    the training was resumed."""
    costs = {phase.name: phase.cost for phase in plan_phases(settings, settings.cross_fitting.num_folds)}
    epochs = [event for event in events if event["event"] == "epoch"]
    times = [float(event["elapsed_s"]) for event in epochs]
    if len(epochs) < _MIN_EPOCHS or times != sorted(times) or not costs.keys() >= {event["phase"] for event in epochs}:
        return None
    return (times[-1] - times[0]) / sum(costs[event["phase"]] for event in epochs[1:]) / num_images


def _seconds_between(events: list[dict[str, Any]], kind: str) -> float | None:
    """Seconds from the event before the first of a kind to the last that follows without another kind between; None
    without two."""
    first = next((place for place, event in enumerate(events) if event["event"] == kind), 0)
    ends = [float(event["elapsed_s"]) for event in takewhile(lambda event: event["event"] == kind, events[first:])]
    if first == 0 or len(ends) < 2:
        return None
    seconds = ends[-1] - float(events[first - 1]["elapsed_s"])
    return seconds if seconds > 0 else None
