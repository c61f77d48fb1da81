"""How the pages write numbers, durations and states."""

import math
from datetime import UTC, datetime

from overread.studies.run import Run, RunState
from overread_app.boundary import plain_text

STATE_WORDS = {
    RunState.RUNNING: "running",
    RunState.FINISHED: "finished",
    RunState.CANCELLED: "stopped",
    RunState.FAILED: "failed",
    RunState.INTERRUPTED: "interrupted",
}
VERDICT_WORDS = {
    "accept": "proposal accepted",
    "reject": "given label kept",
    "relabel": "another class",
    "ambiguous": "ambiguous",
    "exclude": "excluded",
    "cannot_judge": "cannot judge",
    "disputed": "readers disagree",
    "outdated": "source changed since",
    "quarantined": "could not be read",
    "": "not reviewed yet",
}


def counted(number: int, noun: str, plural: str = "") -> str:
    """1 image; 1,200 images."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """A duration, rounded up: 40 s, 3 min, 1 h 20 min."""
    if seconds < 55:
        return f"{max(5, math.ceil(seconds / 5) * 5)} s"
    minutes = math.ceil(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def duration_in_words(seconds: float) -> str:
    """A rough duration, rounded up: 40 seconds, 3 minutes, 1 hour 20 minutes."""
    if seconds < 55:
        return f"{max(5, math.ceil(seconds / 5) * 5)} seconds"
    minutes = math.ceil(seconds / 60)
    if minutes < 60:
        return counted(minutes, "minute")
    if minutes >= 180:
        return counted(math.ceil(minutes / 60), "hour")
    hours, minutes = divmod(math.ceil(minutes / 10) * 10, 60)
    return counted(hours, "hour") + (f" {counted(minutes, 'minute')}" if minutes else "")


def run_title(run: Run) -> str:
    """A run by its start, preset and seed, as Markdown: 2 January 2026, 03:04 UTC · quick · seed 0."""
    start, _, rest = run.name.partition("-")
    try:
        moment = datetime.strptime(start, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return plain_text(run.name)
    preset, _, seed = rest.rpartition("-")
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC · {plain_text(preset)} · seed {plain_text(seed)}"
