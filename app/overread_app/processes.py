"""The `overread` commands that pages run in separate processes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import lock_descriptor

import overread
from overread.errors import NotAllowedError
from overread.files import is_locked
from overread.home import home_folder
from overread.review.roles import Action, Actor, require

DATA_PATH = home_folder()
COMMANDS_PATH = Path(overread.__file__).parents[1]
"""The folder of the package `overread`, for processes that would not find it: in a clone."""
DEMO_PATH = DATA_PATH / "demo"
DEMO_NAMES = ("tiles", "chest")
"""The demo's studies, in the order in which they are made."""
OWNER_VARIABLE = "OVERREAD_OWNER"
"""A secret of this server, which only the owner's browser knows."""
STUDIES_VARIABLE = "OVERREAD_STUDIES"
"""Paths of the studies that this server shows, as a JSON list; empty: the demo's and those made here."""


def start_import(
    arguments: list[str], *, log: Path, actor: Actor | None, scratch: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start `overread import` with these arguments; its progress, and then its summary or error, are written to
    `log`. actor: for whom, here and below; None: for this machine's owner. Raises NotAllowedError, and so do the
    others that take an actor. scratch: the folder for its temporary files; by default the system's."""
    require(actor, Action.MANAGE)
    return _start(["import", *arguments, "--json"], log=log, scratch=scratch)


def start_training(
    study_path: Path, arguments: list[str], *, log: Path, actor: Actor | None
) -> subprocess.Popen[bytes]:
    """Start `overread train` for a study. It outlives the page, the browser and this server."""
    require(actor, Action.MANAGE)
    return _start(["train", str(study_path), *arguments, "--json"], log=log)


def start_speed_trial(study_path: Path, *, log: Path) -> subprocess.Popen[bytes]:
    """Start `overread estimate` for a study; how fast this computer trains is written to `log`."""
    return _start(["estimate", str(study_path), "--json"], log=log)


def start_saliency(study_path: Path, run_name: str, sample_ids: Sequence[str], *, log: Path) -> subprocess.Popen[bytes]:
    """Start `overread saliency` for these samples of a run; each sample's maps are saved as soon as they are
    computed."""
    return _start(["saliency", str(study_path), *sample_ids, "--run", run_name, "--json"], log=log)


def stop_training(process: int, *, actor: Actor | None) -> None:
    """Ask a training, by its process id, to stop; no error if it has ended already.

    Raises NotAllowedError, also for a process of another of the computer's users.
    """
    require(actor, Action.MANAGE)
    if process > 1:  # 0 and below would name whole groups of processes
        try:
            os.kill(process, signal.SIGTERM)
        except ProcessLookupError:
            return
        except PermissionError as error:
            raise NotAllowedError(
                "this training was started by another user of this computer; only they or an administrator can stop it"
            ) from error


def is_demo_complete(folder: Path = DEMO_PATH) -> bool:
    """Whether each of the demo's studies has a finished run. It only looks for files, since the start must be quick."""
    return all(
        (folder / name / "study.json").is_file() and any((folder / name / "runs").glob("*/scores.csv"))
        for name in DEMO_NAMES
    )


def is_demo_running(folder: Path = DEMO_PATH) -> bool:
    """Whether a process is building the demo."""
    path = folder / ".building.lock"
    return path.is_file() and is_locked(path)


def start_demo(folder: Path = DEMO_PATH) -> subprocess.Popen[bytes] | None:
    """Start building the missing parts of the demo; None if a process does so already.

    The new process inherits the locked file, and so holds the lock as long as it lives.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".building.lock").open("a") as lock:
        if not lock_descriptor(lock.fileno(), blocking=False):
            return None
        return _start(["demo", "--out", str(folder), "--json"], log=folder / "build.log", inherited=(lock.fileno(),))


def demo_progress(folder: Path = DEMO_PATH) -> tuple[float, str, float | None]:
    """The demo's progress in [0, 1], the current step, and the seconds left in it, which are known during a
    training."""
    fraction, message = 0.0, "Starting"
    for event in _events(folder / "progress.jsonl"):
        if event.get("event") == "step":
            fraction, message = float(event.get("fraction", fraction)), str(event.get("message", message))
    remaining_s = None
    for name in DEMO_NAMES:
        for path in sorted((folder / name / "runs").glob("*/progress.jsonl")):
            if not (path.parent / "scores.csv").is_file():
                epochs = [event for event in _events(path) if event.get("event") == "epoch"]
                remaining_s = float(epochs[-1]["remaining_s"]) if epochs else None
    return min(1.0, max(0.0, fraction)), message, remaining_s


def import_progress(log: Path) -> tuple[float, str]:
    """An import's progress in [0, 1], and its message."""
    try:
        event = json.loads(last_line(log))
        return min(1.0, float(event["fraction"])), str(event["message"])
    except (ValueError, KeyError, TypeError):  # nothing yet, or a partly written line
        return 0.0, "reading the labels"


def last_line(log: Path) -> str:
    """The last line of a process's log that is not empty."""
    return next(reversed(_lines(log)), "")


def result_of(log: Path) -> dict[str, Any]:
    """What a command printed as JSON, besides its progress; empty if it printed nothing."""
    for line in reversed(_lines(log)):
        try:
            values = json.loads(line)
        except ValueError:
            continue
        if isinstance(values, dict) and "fraction" not in values:
            return values
    return {}


def error_lines(log: Path) -> list[str]:
    """The errors that a command reported on purpose, from its log; a traceback is none."""
    return [line.removeprefix("error: ") for line in _lines(log) if line.startswith("error: ")]


def error_of(log: Path) -> str:
    """The error of a command that failed, from its log: the last line, but for what it printed as JSON."""
    return next((line for line in reversed(_lines(log)) if not line.startswith("{")), "").removeprefix("error: ")


def _lines(log: Path) -> list[str]:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    return [line.strip() for line in lines if line.strip()]


def _events(path: Path) -> list[dict[str, Any]]:
    events = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            events.append(json.loads(line))
        except ValueError:  # the last line may be partly written
            break
    return events


def _start(
    arguments: list[str], *, log: Path, inherited: tuple[int, ...] = (), scratch: Path | None = None
) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join(filter(None, (str(COMMANDS_PATH), os.environ.get("PYTHONPATH"))))
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "overread", *arguments],
            env={**os.environ, "PYTHONPATH": path} | ({"TMPDIR": str(scratch)} if scratch else {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=inherited,
        )
