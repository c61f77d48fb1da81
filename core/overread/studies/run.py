"""A run: the folder of one training of the model on a study, with its results and its state."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import lock_descriptor

from overread.detection.error_range import ErrorRange
from overread.errors import StudyError
from overread.files import file_mode, is_locked, report_damage, write_atomically
from overread.studies.run_files import check_file, read_json, read_scores
from overread.studies.study import Study, open_study


class RunState(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """Neither running nor ended: the process was killed. `train --resume` continues it."""


ERROR_RANGE = "error_range.npz"
CHECKPOINT_DAMAGED = "delete its folder and resume again: the run begins anew, and ends alike"
"""What to do about a file in RUN/checkpoint."""


@dataclass(frozen=True)
class Run:
    """The folder STUDY/runs/NAME."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def progress_path(self) -> Path:
        return self.path / "progress.jsonl"

    def config(self) -> dict[str, Any]:
        """Every setting, the versions, the seed and the device."""
        return read_json(self.path / "config.json", {}, self._remedy)

    def events(self) -> list[dict[str, Any]]:
        """The lines of progress.jsonl; a partly written one is left out."""
        if not self.progress_path.is_file():
            return []
        events = []
        for line in self.progress_path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and isinstance(event.get("event"), str):
                events.append(event)
        return events

    def scores(self) -> pd.DataFrame:
        """scores.csv: a row for every sample, in the order of samples.csv; is_proposed is bool.

        Raises StudyError if it is damaged, was changed since the run wrote it, or has the samples in another order.
        """
        path = self.path / "scores.csv"
        config = read_json(self.path / "config.json", {"num_samples": int}, self._remedy)
        with report_damage(path, self._remedy):
            table = read_scores(path)
            if len(table) != config["num_samples"]:
                raise ValueError(f"has {len(table)} rows of {config['num_samples']}")
        check_file(path, self._remedy, is_readable=True)
        if "samples_digest" in config:
            self._check_order(table["sample_id"].tolist(), config["samples_digest"])
        return table

    def _check_order(self, sample_ids: list[str], digest: str) -> None:
        samples = open_study(self.path.parent.parent).samples()
        # After an update the run's samples are others than the study's.
        if samples_digest(samples) == digest and sample_ids != samples["sample_id"].tolist():
            raise StudyError(
                f"{self.path / 'scores.csv'}: its samples are in another order than in samples.csv, and the run's "
                f"other files would be read wrongly; {self._remedy}"
            )

    def proposals(self) -> pd.DataFrame:
        """The proposed rows of scores.csv, the most probable error first."""
        scores = self.scores()
        proposed = scores[scores["is_proposed"].to_numpy(dtype=bool)]
        return proposed.sort_values(["label_error_probability", "sample_id"], ascending=[False, True])

    def embeddings(self) -> np.ndarray:
        """(N, D) float16, the row order of samples.csv."""
        path = self.path / "embeddings.npy"
        check_file(path, self._remedy)
        with report_damage(path, self._remedy):
            return np.load(path, mmap_mode="r")

    def trace(self) -> dict[str, np.ndarray]:
        """trace.npz: stage_probs (S, N, K), stage_names (S,), pseudo_labels (R, N), is_consensus (R, N)."""
        return self._arrays(self.path / "trace.npz")

    def evidence(self) -> dict[str, np.ndarray]:
        """evidence.npz: neighbours (N, 6), pictures (N,) and isolation (N,); empty for a run without it.

        pictures: the number of each sample's duplicate group, -1 for one alone.
        """
        path = self.path / "evidence.npz"
        return self._arrays(path) if path.is_file() else {}

    def error_range(self) -> ErrorRange | None:
        """error_range.npz; None for a run without it: of an earlier version, or of a preset without a noise model."""
        path = self.path / ERROR_RANGE
        if not path.is_file():
            return None
        arrays = self._arrays(path)
        return ErrorRange(arrays["low"], arrays["high"], float(arrays["overlap"]))

    def comparison(self) -> dict[str, Any] | None:
        """comparison.json, the fields of `Comparison`: how a run after review compares with the one before it."""
        path = self.path / "comparison.json"
        return read_json(path, {"outcome": str}, self._remedy) if path.exists() else None

    @property
    def is_set_aside(self) -> bool:
        """Whether the run is not used by default: a run after review that is worse than the one before it, or has too
        few decisions to tell, unless somebody chose it; and any run that somebody declined."""
        choice = self.choice()
        return (self.comparison() or {}).get("outcome") in ("worse", "too_few") if choice is None else not choice

    def choice(self) -> bool | None:
        """Whether somebody chose to use the run (True) or declined it (False); None where nobody has chosen."""
        path = self.path / "choice.json"
        remedy = "delete it, and choose again on the Train page"
        return read_json(path, {"is_used": bool}, remedy)["is_used"] if path.exists() else None

    def choose(self, *, is_used: bool) -> None:
        """Save the choice whether the run may be used by default; it can be changed later."""
        choice = {"is_used": is_used, "chosen": datetime.now(UTC).isoformat(timespec="seconds")}
        write_atomically(self.path / "choice.json", json.dumps(choice) + "\n")

    def _arrays(self, path: Path) -> dict[str, np.ndarray]:
        check_file(path, self._remedy)
        with report_damage(path, self._remedy), path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}

    @property
    def _remedy(self) -> str:
        return f"delete the folder {self.path} and start a new run, or restore it from a backup (`overread restore`)"

    @property
    def is_finished(self) -> bool:
        """Whether the run can be read and reviewed."""
        return (self.path / "scores.csv").is_file()

    @property
    def is_pending(self) -> bool:
        """Whether the run can be read, but its networks, which refine it, are still to come or to be finished."""
        return self.is_finished and (self.path / "checkpoint").is_dir()

    def refinement(self) -> dict[str, Any] | None:
        """refinement.json: by num_more and num_fewer how many proposals the networks added to those of the first step,
        and how many they took away; num_relabelled: for how many they propose another class. None without networks."""
        path = self.path / "refinement.json"
        return read_json(path, {"num_more": int, "num_fewer": int}, self._remedy) if path.exists() else None

    def contradicted_groups(self) -> list[dict[str, Any]]:
        """contradicted_groups.json: groups of samples whose labels contradict the rest, as `write_group_tests` has
        them; none where the run did not look for any."""
        path = self.path / "contradicted_groups.json"
        return read_json(path, {"groups": list}, self._remedy)["groups"] if path.exists() else []

    @property
    def state(self) -> RunState:
        """FINISHED as soon as it can be read, except while its networks are trained: then RUNNING."""
        state = self.training_state
        return RunState.FINISHED if self.is_finished and state is not RunState.RUNNING else state

    @property
    def training_state(self) -> RunState:
        """How it is with the training alone, which may have been stopped or have failed after the first proposals."""
        if self.is_finished and not self.is_pending:
            return RunState.FINISHED
        if _is_locked(self.path.parent.parent, self.name):
            return RunState.RUNNING
        last = next((event["event"] for event in reversed(self.events())), "")
        if self.is_finished and last == "finish":  # it was to end at the first proposals
            return RunState.FINISHED
        return {"cancel": RunState.CANCELLED, "fail": RunState.FAILED}.get(last, RunState.INTERRUPTED)


def samples_digest(samples: pd.DataFrame, columns: tuple[str, ...] = ("sample_id", "given_label", "split")) -> str:
    """A hash of these columns of samples.csv, in the order of its rows."""
    text = "\n".join(map("\t".join, samples[list(columns)].itertuples(index=False)))
    return hashlib.sha256(text.encode()).hexdigest()


def find_runs(study: Study) -> list[Run]:
    """The study's runs, oldest first (their names begin with the UTC time of their start)."""
    if not study.runs_path.is_dir():
        return []
    return [Run(path) for path in sorted(study.runs_path.iterdir()) if (path / "config.json").is_file()]


def default_run(study: Study) -> Run | None:
    """The newest finished run that is not set aside; None where no run has finished."""
    finished = [run for run in find_runs(study) if run.is_finished]
    # The run before one that is set aside may have been deleted.
    return next((run for run in reversed(finished) if not run.is_set_aside), finished[-1] if finished else None)


def open_run(study: Study, name: str | None = None) -> Run:
    """The run of that name, or `default_run`. Raises StudyError if there is none."""
    finished = [run for run in find_runs(study) if run.is_finished]
    if name is None:
        run = default_run(study)
        if run is None:
            raise StudyError(f"{study.path}: has no finished run; train one with `overread train {study.path}`")
        return run
    for run in finished:
        if run.name == name:
            return run
    known = ", ".join(run.name for run in finished) or "none"
    raise StudyError(f"{study.path}: has no finished run {name!r}; finished runs: {known}")


def new_run(study: Study, preset: str, seed: int) -> Run:
    """A run with an unused name, not yet on disk. Runs that begin in the same second get a number."""
    first = _run_name(preset, seed)
    names = chain([first], (f"{first}-{number}" for number in count(2)))
    return next(run for run in (Run(study.runs_path / name) for name in names) if not run.path.exists())


def unfinished_run(study: Study) -> Run:
    """The newest run. Raises StudyError if there is none, or nothing of it is left to do."""
    runs = find_runs(study)
    if not runs:
        raise StudyError(f"{study.path}: has no run to resume; train without --resume")
    if runs[-1].is_finished and not runs[-1].is_pending:
        raise StudyError(f"{study.path}: its newest run has not been interrupted; train without --resume")
    return runs[-1]


def _run_name(preset: str, seed: int) -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{preset}-{seed}"


@contextmanager
def training_lock(study: Study, run_name: str) -> Iterator[None]:
    """Held while a training of the study runs; its file names the run and the process.

    It is released when the process ends, however it ends. Raises StudyError if another training holds it.
    """
    with os.fdopen(os.open(_lock_path(study.path), os.O_RDWR | os.O_CREAT, file_mode(study.path)), "r+") as file:
        if not lock_descriptor(file.fileno(), blocking=False):
            raise StudyError(
                f"{study.path}: this study is already being trained; wait, or cancel the training on the Train page"
            )
        file.seek(0)
        file.truncate()
        json.dump({"run": run_name, "process": os.getpid()}, file)
        file.flush()
        yield


def running_training(study: Study) -> dict[str, Any] | None:
    """{"run": NAME, "process": PID} of the training under way on a study, or None."""
    return _lock_holder(study.path)


def _lock_path(study_path: Path) -> Path:
    return study_path / ".training.lock"


def _lock_holder(study_path: Path) -> dict[str, Any] | None:
    path = _lock_path(study_path)
    if not (path.is_file() and is_locked(path)):
        return None
    try:
        holder = json.loads(path.read_text())
        return {"run": str(holder["run"]), "process": int(holder["process"])}
    except (ValueError, KeyError, TypeError):  # the holder has not written its line yet
        return {"run": "", "process": 0}


def _is_locked(study_path: Path, run_name: str) -> bool:
    holder = _lock_holder(study_path)
    return holder is not None and holder["run"] == run_name
