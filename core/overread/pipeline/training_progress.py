"""How far a training is: read from the events of its progress.jsonl, with the time that is left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from overread import progress_words
from overread.pipeline.training_time import TimeEstimate

Event = Mapping[str, Any]
TYPICAL = TimeEstimate(start_s=0, pictures_s=10, features_s=20, first_scoring_s=5, trial_s=5, epochs_s=60, scoring_s=5)
"""The shares of the parts where the training's own are not known."""
_MIN_SHARE = 0.05
"""Of a part that must be done before its own pace counts."""
_PARTS = ("pictures", "features", "first scoring", "trial", "epoch", "scoring")
"""Of a training, in order; each but the first scoring has events of its name."""


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
    num_first: int | None
    """First proposals, which can be reviewed while the training goes on; None before they are there."""


@dataclass(frozen=True, slots=True)
class _Step:
    """An event that tells how far a training is."""

    event: Event
    place: int
    """Among all events."""
    part: int
    done: float
    """Of the part, in [0, 1]."""

    @property
    def is_kept(self) -> bool:
        """Whether a resumed training has it: epochs, and parts that are done as a whole."""
        kind = self.event["event"]
        return kind in ("epoch", "first") or (kind != "scoring" and self.done >= 1)


def training_progress(
    events: Sequence[Event], estimate: TimeEstimate | None = None, *, age_s: float = 0.0
) -> TrainingProgress:
    """Where a training is. events: of its progress.jsonl; estimate: of the whole training; age_s: seconds since the
    last event."""
    begin = _latest_attempt(events)
    sizes = _sizes(estimate or TYPICAL)
    steps = _steps(events)
    earlier = [step for step in steps if step.place < begin and step.is_kept]
    begun = [step for step in steps if step.place >= begin]
    fraction = max((_share(step, sizes) for step in [*earlier, *begun]), default=0.0)
    if begun:
        words, step_fraction = _doing(begun[-1], events)
        remaining_s = _remaining_s(begun, sizes if estimate else None)
    else:
        is_ready = not earlier and any(event["event"] == "start" for event in events[begin:])
        words, step_fraction = (_first_words(events, sizes) if is_ready else progress_words.PREPARING), None
        remaining_s = estimate.total_s * (1 - fraction) if estimate else None
    return TrainingProgress(
        words=words,
        step_fraction=step_fraction,
        fraction=min(1.0, fraction),
        remaining_s=None if remaining_s is None else max(0.0, remaining_s - age_s),
        num_first=next((int(event["num_proposed"]) for event in events if event["event"] == "first"), None),
    )


def kept_progress(events: Sequence[Event], estimate: TimeEstimate | None = None) -> TrainingProgress:
    """What a training that has ended keeps for its resuming."""
    kept = {step.place for step in _steps(events) if step.is_kept}
    return training_progress(
        [event for place, event in enumerate(events) if place in kept or event["event"] == "start"], estimate
    )


def _steps(events: Sequence[Event]) -> list[_Step]:
    """Those of all events. A scoring is the first of two where networks are to come and none was trained yet."""
    steps, is_judged = [], not _phases(events)
    for place, event in enumerate(events):
        name = str(event["event"])
        if name == "first" or (name == "scoring" and not is_judged):
            part = _PARTS.index("first scoring")
        elif name in _PARTS:
            part = _PARTS.index(name)
        else:
            continue
        is_judged = is_judged or name in ("first", "trial", "epoch")
        steps.append(_Step(event, place, part, _done(event)))
    return steps


def _done(event: Event) -> float:
    match event["event"]:
        case "epoch":
            return float(event["num_done"]) / event["num_epochs"]
        case "first":
            return 1.0
    return float(event.get("fraction", 0))


def _share(step: _Step, sizes: Sequence[float]) -> float:
    """Of the whole training that is done with a step."""
    return (sum(sizes[: step.part]) + sizes[step.part] * step.done) / sum(sizes)


def _latest_attempt(events: Sequence[Event]) -> int:
    """The place of the first event since the training was begun or resumed last, when its clock started anew."""
    times = [float(event.get("elapsed_s", 0)) for event in events]
    return max((place for place in range(1, len(times)) if times[place] < times[place - 1]), default=0)


def _sizes(estimate: TimeEstimate) -> list[float]:
    """Seconds of each part; never 0 in all, since they are divided by."""
    before = [estimate.pictures_s, estimate.features_s, estimate.first_scoring_s, estimate.trial_s]
    return [*before, max(0.1, estimate.epochs_s), estimate.scoring_s]


def _remaining_s(begun: Sequence[_Step], sizes: Sequence[float] | None) -> float | None:
    """sizes: None where the parts to come are not known: then the epochs alone tell what is left."""
    last = begun[-1]
    if last.event["event"] == "epoch":
        return float(last.event["remaining_s"]) + (sizes[-1] if sizes else 0.0)
    if sizes is None:
        return None
    first = next(step for step in begun if step.part == last.part)
    elapsed_s = float(last.event["elapsed_s"]) - float(first.event["elapsed_s"])
    share = last.done - first.done
    own_s = elapsed_s * (1 - last.done) / share if share > _MIN_SHARE else sizes[last.part] * (1 - last.done)
    return own_s + sum(sizes[last.part + 1 :])


def _doing(last: _Step, events: Sequence[Event]) -> tuple[str, float | None]:
    """What the training does after its last step, and how far it is with that."""
    match last.event["event"]:
        case "scoring":
            return progress_words.SCORING, last.done if "fraction" in last.event else None
        case "pictures":
            return (progress_words.PICTURES, last.done) if last.done < 1 else (progress_words.PREPARING, None)
        case "features":
            if last.done < 1:
                return progress_words.FEATURES, last.done
            return progress_words.SCORING, None
        case "trial":
            return (progress_words.TRIAL, last.done) if last.done < 1 else (_phase_words(events, 0), 0.0)
        case "first":
            return _phase_words(events, 0), 0.0
    phases = _phases(events)
    names = [name for name, _ in phases]
    event = last.event
    place = names.index(event["phase"]) if event["phase"] in names else -1
    if place >= 0 and event["epoch"] >= phases[place][1]:  # the next phase is under way
        return (_phase_words(events, place + 1), 0.0) if place + 1 < len(phases) else (progress_words.SCORING, None)
    num_epochs = phases[place][1] if place >= 0 else int(event["num_epochs"])
    return progress_words.phase_words(str(event["phase"]), tuple(names)), float(event["epoch"]) / num_epochs


def _first_words(events: Sequence[Event], sizes: Sequence[float]) -> str:
    """What comes first once the images are ready."""
    return progress_words.FEATURES if sizes[1] else _phase_words(events, 0)


def _phase_words(events: Sequence[Event], place: int) -> str:
    names = tuple(name for name, _ in _phases(events))
    return progress_words.phase_words(names[place], names) if names else progress_words.PREPARING


def _phases(events: Sequence[Event]) -> list[tuple[str, int]]:
    """Name and number of epochs of each phase, as the last start has them."""
    start = next((event for event in reversed(events) if event["event"] == "start"), None)
    return [(str(phase["name"]), int(phase["num_epochs"])) for phase in start["phases"]] if start else []
