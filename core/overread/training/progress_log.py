"""progress.jsonl: one line per event, for the app's progress bars and the terminal."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from overread.phases import Phase

Listener = Callable[[dict[str, Any]], None]


class ProgressLog:
    """Appends events to a file, and hands each to a listener. Nothing in them names a file or a sample."""

    def __init__(self, path: Path, phases: tuple[Phase, ...] = (), listener: Listener | None = None) -> None:
        self._path = path
        self._phases = phases
        self._listener = listener
        self._start_s = time.monotonic()
        self._start_cost: float | None = None
        self._num_percent = -1
        self._epochs_start_s = self._start_s
        if path.is_file() and not path.read_bytes().endswith(b"\n"):  # killed while it wrote a line
            with path.open("a", encoding="utf-8") as file:
                file.write("\n")

    def emit(self, event: str, **fields: Any) -> None:
        if self._start_cost is None:  # the epochs' time left is not to be told from what comes before them
            self._epochs_start_s = time.monotonic()
        line = {"event": event, **fields, "elapsed_s": round(time.monotonic() - self._start_s, 2)}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self._listener:
            self._listener(line)

    def duplicate_groups(self, fraction: float) -> None:
        """Images that show the same picture are being looked for. fraction: in [0, 1]; told by hundredths."""
        if int(100 * fraction) > self._num_percent:
            self._num_percent = int(100 * fraction)
            self.emit("pictures", fraction=round(fraction, 4))

    def plan(self, phases: tuple[Phase, ...]) -> None:
        """What the epochs to come are, where it wasn't known at first."""
        self._phases = phases

    def start(self, *, run: str, preset: str, num_samples: int) -> None:
        phases = [{"name": phase.name, "num_epochs": phase.num_epochs} for phase in self._phases]
        self.emit("start", run=run, preset=preset, phases=phases, num_epochs=self._num_epochs, num_samples=num_samples)

    def features(self, fraction: float) -> None:
        """Features from elsewhere are being computed, before the first epoch. fraction: in [0, 1]."""
        self.emit("features", fraction=round(fraction, 4))

    def epoch(self, phase_index: int, epoch: int, **fields: Any) -> None:
        """epoch: from 1 within its phase."""
        before = self._phases[:phase_index]
        num_done = sum(phase.num_epochs for phase in before) + epoch
        done = sum(phase.num_epochs * phase.cost for phase in before) + epoch * self._phases[phase_index].cost
        total = sum(phase.num_epochs * phase.cost for phase in self._phases)
        if self._start_cost is None:  # after a resume the epochs before this one took no time
            self._start_cost = done - self._phases[phase_index].cost
        rate = (time.monotonic() - self._epochs_start_s) / (done - self._start_cost)
        self.emit(
            "epoch",
            phase=self._phases[phase_index].name,
            epoch=epoch,
            num_done=num_done,
            num_epochs=self._num_epochs,
            **fields,
            remaining_s=round(rate * (total - done), 1),
        )

    @property
    def _num_epochs(self) -> int:
        return sum(phase.num_epochs for phase in self._phases)
