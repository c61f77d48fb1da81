"""How far a training is: read from the events of its progress.jsonl, with the time that is left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overread import progress_words
from overread.pipeline.training_time import TimeEstimate

Event = Mapping[str, Any]
TYPICAL = TimeEstimate(start_s=0, pictures_s=10, features_s=20, epochs_s=60, scoring_s=5)
"""The shares of the parts where the training's own are not known."""
_MIN_SHARE = 0.05
"""Of a part that must be done before its own pace counts."""
_PARTS = ("pictures", "features", "epoch", "scoring")
"""The events of each part, in order."""


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Where a training is."""

    words: str
    """What it is doing."""
    step_fraction: float | None
    """Of what it is doing, in [0, 1]; None where that is not known."""
    fraction: float
    """Of the whole training, in [0, 1]."""
    remaining_s: float | None
    """Of the whole training; None where it is not known."""


def training_progress(
    events: Sequence[Event], estimate: TimeEstimate | None = None, *, age_s: float = 0.0
) -> TrainingProgress:
    """Where a training is. events: of its progress.jsonl; estimate: of the whole training; age_s: seconds since the
    last event."""
    latest = _latest_attempt(events)
    sizes = _sizes(estimate or TYPICAL)
    begun = [event for event in latest if event["event"] in _PARTS]
    if not begun:
        return _before_its_first_event(events, latest, estimate, age_s)
    last = begun[-1]
    part = _PARTS.index(last["event"])
    done = float(last["num_done"]) / last["num_epochs"] if last["event"] == "epoch" else float(last.get("fraction", 0))
    remaining_s = _remaining_s(begun, part, done, sizes if estimate else None)
    words, step_fraction = _step(last, done, events, sizes)
    return TrainingProgress(
        words=words,
        step_fraction=step_fraction,
        fraction=min(1.0, (sum(sizes[:part]) + sizes[part] * done) / sum(sizes)),
        remaining_s=None if remaining_s is None else max(0.0, remaining_s - age_s),
    )


def kept_progress(events: Sequence[Event], estimate: TimeEstimate | None = None) -> TrainingProgress:
    """What a training that has ended keeps for its resuming: epochs, and parts that are done as a whole."""
    parts = ("pictures", "features")
    kept = [
        event
        for event in events
        if event["event"] in ("start", "epoch") or (event["event"] in parts and float(event["fraction"]) >= 1)
    ]
    return training_progress(kept, estimate)


def _before_its_first_event(
    events: Sequence[Event], latest: Sequence[Event], estimate: TimeEstimate | None, age_s: float
) -> TrainingProgress:
    """A training that was just begun, or resumed: then it has its earlier epochs."""
    sizes = _sizes(estimate or TYPICAL)
    epoch = next((event for event in reversed(events) if event["event"] == "epoch"), None)
    done_s = sum(sizes[:2]) + sizes[2] * float(epoch["num_done"]) / epoch["num_epochs"] if epoch else 0.0
    fraction = done_s / sum(sizes)
    is_ready = any(event["event"] == "start" for event in latest) and not epoch
    words = _first_words(events, sizes) if is_ready else None
    remaining_s = max(0.0, estimate.total_s * (1 - fraction) - age_s) if estimate else None
    return TrainingProgress(words or progress_words.PREPARING, None, fraction, remaining_s)


def _latest_attempt(events: Sequence[Event]) -> Sequence[Event]:
    """The events since the training was begun or resumed last, when its clock started anew."""
    times = [float(event.get("elapsed_s", 0)) for event in events]
    return events[max((place for place in range(1, len(times)) if times[place] < times[place - 1]), default=0) :]


def _sizes(estimate: TimeEstimate) -> list[float]:
    """Seconds of each part; never 0 in all, since they are divided by."""
    return [estimate.pictures_s, estimate.features_s, max(0.1, estimate.epochs_s), estimate.scoring_s]


def _remaining_s(begun: Sequence[Event], part: int, done: float, sizes: Sequence[float] | None) -> float | None:
    """sizes: None where the parts to come are not known: then the epochs alone tell what is left."""
    if begun[-1]["event"] == "epoch":
        return float(begun[-1]["remaining_s"]) + (sizes[-1] if sizes else 0.0)
    if sizes is None:
        return None
    of_part = [event for event in begun if event["event"] == begun[-1]["event"]]
    first, elapsed_s = of_part[0], float(of_part[-1]["elapsed_s"]) - float(of_part[0]["elapsed_s"])
    share = done - float(first.get("fraction", 0))
    own_s = elapsed_s * (1 - done) / share if share > _MIN_SHARE else sizes[part] * (1 - done)
    return own_s + sum(sizes[part + 1 :])


def _step(last: Event, done: float, events: Sequence[Event], sizes: Sequence[float]) -> tuple[str, float | None]:
    """What the training does after its last event, and how far it is with that."""
    match last["event"]:
        case "scoring":
            return progress_words.SCORING, done if "fraction" in last else None
        case "pictures":
            return (progress_words.PICTURES, done) if done < 1 else (progress_words.PREPARING, None)
        case "features":
            return (progress_words.FEATURES, done) if done < 1 else (_phase_words(events, 0), 0.0)
    phases = _phases(events)
    names = [name for name, _ in phases]
    place = names.index(last["phase"]) if last["phase"] in names else -1
    if place >= 0 and last["epoch"] >= phases[place][1]:  # the next phase is under way
        return (_phase_words(events, place + 1), 0.0) if place + 1 < len(phases) else (progress_words.SCORING, None)
    num_epochs = phases[place][1] if place >= 0 else int(last["num_epochs"])
    return progress_words.phase_words(str(last["phase"]), tuple(names)), float(last["epoch"]) / num_epochs


def _first_words(events: Sequence[Event], sizes: Sequence[float]) -> str | None:
    """What comes first once the images are ready; None where that is not known."""
    return progress_words.FEATURES if sizes[1] else _phase_words(events, 0) if _phases(events) else None


def _phase_words(events: Sequence[Event], place: int) -> str:
    names = tuple(name for name, _ in _phases(events))
    return progress_words.phase_words(names[place], names) if names else progress_words.PREPARING


def _phases(events: Sequence[Event]) -> list[tuple[str, int]]:
    """Name and number of epochs of each phase, as the last start has them."""
    start = next((event for event in reversed(events) if event["event"] == "start"), None)
    return [(str(phase["name"]), int(phase["num_epochs"])) for phase in start["phases"]] if start else []
